import { curlLine } from '../curl.ts'
import { element } from '../dom.ts'
import { bytes, percent } from '../format.ts'
import { request, urlOf } from '../server.ts'
import { token } from '../token.ts'
import type { Finding } from './examine.ts'

/** Bytes of a download that the page holds in memory at most. */
const HELD = 64 * 1024 * 1024

interface SavePicker {
  showSaveFilePicker?(options: { suggestedName: string }): Promise<FileSystemFileHandle>
}

/**
 * Downloads a file. Without a token, the browser does it. With one, the page fetches the file: small
 * ones into memory, others to disk if the browser allows that. Otherwise it shows a curl command.
 */
export async function download(
  { ref, health }: Finding,
  name: string,
  say: (text: string) => void,
): Promise<void> {
  const file = name.split('/').pop() || 'file'
  const size = health?.size ?? 0
  say('')
  try {
    if (token() === undefined) return save(urlOf(ref).href, file)
    if (size <= HELD) return await saveHeld(urlOf(ref), file)
    const { showSaveFilePicker } = window as SavePicker
    if (showSaveFilePicker === undefined) return say(TOO_LARGE + curlLine(ref, name))
    const handle = await showSaveFilePicker.call(window, { suggestedName: file })
    await writeTo(handle, urlOf(ref), (done) => say(`${percent(done / size)} of ${bytes(size)}`))
    say(`Saved as ${handle.name}.`)
  } catch (error) {
    if ((error as Error).name !== 'AbortError') say(`Not downloaded. ${(error as Error).message}`)
  }
}

const TOO_LARGE = 'With a token, this browser cannot save so large a file from a page. Use: '

async function saveHeld(url: URL, file: string): Promise<void> {
  const bytes = await (await request(url)).arrayBuffer()
  // With this type the browser saves the file and does not show it.
  const held = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }))
  save(held, file)
  setTimeout(() => URL.revokeObjectURL(held), 60_000)
}

async function writeTo(
  handle: FileSystemFileHandle,
  url: URL,
  onProgress: (done: number) => void,
): Promise<void> {
  const { body } = await request(url)
  let done = 0
  const counting = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(piece, controller) {
      done += piece.length
      onProgress(done)
      controller.enqueue(piece)
    },
  })
  // A failed download leaves no file.
  await body!.pipeThrough(counting).pipeTo(await handle.createWritable())
}

function save(href: string, file: string): void {
  element('a', { href, download: file }).click()
}
