import { byId } from '../dom.ts'
import { droppedFiles, type Picked, pickedFrom } from './picked.ts'

const BATCH = 100

/** Calls `take` with files that are chosen in the two inputs or dropped anywhere on the page. */
export function takeFiles(take: (files: Picked[]) => void): void {
  for (const id of ['files', 'folder']) {
    const input = byId<HTMLInputElement>(id)
    input.addEventListener('change', () => {
      take(pickedFrom(input))
      input.value = '' // The same file may be chosen again.
    })
  }
  const zone = byId('drop')
  let inside = 0
  const enter = (by: number) => {
    inside = Math.max(0, inside + by)
    zone.classList.toggle('over', inside > 0)
  }
  addEventListener('dragenter', (event) => isFiles(event) && enter(1))
  addEventListener('dragleave', (event) => isFiles(event) && enter(-1))
  // By default, the browser opens a dropped file in place of the page.
  addEventListener('dragover', (event) => isFiles(event) && event.preventDefault())
  addEventListener('drop', (event) => {
    if (!isFiles(event)) return
    event.preventDefault()
    enter(-inside)
    takeDropped(event.dataTransfer!, take)
  })
}

/** Takes all files that can be read, and shows a note if one cannot. */
async function takeDropped(transfer: DataTransfer, take: (files: Picked[]) => void): Promise<void> {
  const note = byId('drop-note')
  note.textContent = ''
  try {
    await takeAll(transfer, take)
  } catch {
    note.textContent = 'The browser could not read all of it. Drop what is missing again.'
  }
}

/** Takes batches, so that the upload of a large folder begins while it is read. */
async function takeAll(transfer: DataTransfer, take: (files: Picked[]) => void): Promise<void> {
  const batch: Picked[] = []
  try {
    for await (const picked of droppedFiles(transfer)) {
      batch.push(picked)
      if (batch.length === BATCH) take(batch.splice(0))
    }
  } finally {
    take(batch)
  }
}

function isFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes('Files') ?? false
}
