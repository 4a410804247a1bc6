import type { RepairJson } from '../../api/chunks.ts'
import { repairPathOf } from '../../api/paths.ts'
import { button, element } from '../dom.ts'
import { counted, percent } from '../format.ts'
import { RemoteError, request, urlAt } from '../server.ts'
import { upload } from '../upload/upload.ts'
import type { Finding } from './examine.ts'

interface Mending {
  /** Looks at the file again, and says what was done. */
  done(text: string): void
  /** Says why it did not work. */
  failed(text: string): void
}

/** A button that uploads the file again from the user's disk, which heals whatever is lost. */
export function uploadAgain({ ref, health }: Finding, { done, failed }: Mending): HTMLElement {
  const label = 'Upload it again'
  const made = button(label, 'primary', () => {
    const input = element('input', { type: 'file' })
    input.onchange = () => input.files![0] && send(input.files![0])
    input.click()
  })
  const send = async (file: File) => {
    made.ariaDisabled = 'true'
    try {
      const onProgress = (sent: number) => {
        made.textContent = `Uploading, ${percent(file.size === 0 ? 1 : sent / file.size)}`
      }
      await upload(file, ref, { hash: health?.hash, onProgress })
      done('Uploaded again.')
    } catch (error) {
      failed(whyNot(error, file))
    }
    made.ariaDisabled = null
    made.textContent = label
  }
  return made
}

function whyNot(error: unknown, { name }: File): string {
  if (error instanceof RemoteError && error.reason === 'digest-mismatch') {
    return `“${name}” has other bytes than this file had. Nothing was changed.`
  }
  return messageOf(error)
}

/** A button that has missing and wrong copies written again from those that are right. */
export function repair(hash: string, { done, failed }: Mending): HTMLElement {
  const made = button('Repair copies', 'quiet', async () => {
    made.ariaDisabled = 'true'
    made.textContent = 'Repairing…'
    try {
      const answer = await request(urlAt(repairPathOf(hash)), { method: 'POST' })
      done(told(await answer.json()))
    } catch (error) {
      failed(messageOf(error))
    }
    made.ariaDisabled = null
    made.textContent = 'Repair copies'
  })
  return made
}

function told({ state, link, chunks }: RepairJson): string {
  const written = link.repaired + chunks.repaired
  const what =
    written === 0
      ? 'No copy could be written again'
      : `${counted(written, 'copy', 'copies')} written again`
  if (state !== 'intact')
    return `${what}: there is no right copy left of what is lost. Upload it again.`
  return written === 0 ? 'Every copy is there.' : `${what}.`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
