import { byId } from './dom.ts'
import { droppedFiles, type Picked, pickedFrom } from './files.ts'

const BATCH = 100

/** Hands on what is chosen in the two inputs and what is dropped anywhere on the page. */
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
  // Dropped beside the zone, a file would replace the page.
  addEventListener('dragover', (event) => isFiles(event) && event.preventDefault())
  addEventListener('drop', (event) => {
    if (!isFiles(event)) return
    event.preventDefault()
    enter(-inside)
    takeDropped(event.dataTransfer!, take)
  })
}

/** Hands on all that can be read, and says so where something cannot. */
async function takeDropped(transfer: DataTransfer, take: (files: Picked[]) => void): Promise<void> {
  const note = byId('drop-note')
  note.textContent = ''
  try {
    await takeAll(transfer, take)
  } catch {
    note.textContent = 'The browser could not read all of it. Drop what is missing again.'
  }
}

/** In batches, so that the first files of a large folder are on their way while it is read. */
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
