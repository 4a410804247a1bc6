import type { RepairJson } from '../../api/chunks.ts'
import type { FleetJson } from '../../api/fleet.ts'
import { FLEET, type RemoteRef, repairPathOf } from '../../api/paths.ts'
import { button, element } from '../dom.ts'
import { counted, percent } from '../format.ts'
import { messageOf, RemoteError, request, urlAt } from '../server.ts'
import { upload } from '../upload/upload.ts'
import type { Finding } from './examine.ts'

interface Mending {
  /** Looks at the file again, and says what was done. */
  done(text: string): void
  /** Says why it did not work. */
  failed(text: string): void
}

/** Creates a button that uploads the file again from the user's disk, which heals whatever is lost. */
export function uploadAgain(finding: Finding, mending: Mending): HTMLElement {
  return worker('Upload it again', 'primary', (start) => {
    const input = element('input', { type: 'file' })
    input.onchange = () => start((tell) => send(input.files![0]!, finding, mending, tell))
    input.click()
  })
}

async function send(
  file: File,
  finding: Finding,
  { done, failed }: Mending,
  tell: (text: string) => void,
): Promise<void> {
  const onProgress = (sent: number) => tell(`Uploading, ${percent(sent / Math.max(1, file.size))}`)
  try {
    const { health } = finding
    await upload(file, await targetOf(finding), { hash: health?.hash, onProgress })
    done('Uploaded again.')
  } catch (error) {
    failed(whyNot(error, file))
  }
}

/**
 * Returns what an upload of the file heals. By hash it leaves the name as it is, with its type and time to live;
 * by name where its record is damaged, or lists chunks of another size than are stored now.
 */
async function targetOf({ ref, health }: Finding): Promise<RemoteRef> {
  if (ref.name === undefined || health === undefined) return ref
  const { chunkSize }: FleetJson = await (await request(urlAt(FLEET))).json()
  return health.chunkSize === chunkSize ? { hash: health.hash } : ref
}

function whyNot(error: unknown, { name }: File): string {
  if (error instanceof RemoteError && error.reason === 'digest-mismatch') {
    return `“${name}” has other bytes than this file had. Nothing was changed.`
  }
  return messageOf(error)
}

/** Creates a button that has missing and wrong copies written again from those that are right. */
export function repair(hash: string, { done, failed }: Mending): HTMLElement {
  return worker('Repair copies', 'quiet', (start) =>
    start(async (tell) => {
      tell('Repairing…')
      try {
        const answer = await request(urlAt(repairPathOf(hash)), { method: 'POST' })
        done(told(await answer.json()))
      } catch (error) {
        failed(messageOf(error))
      }
    }),
  )
}

type Work = (tell: (text: string) => void) => Promise<void>

/** Creates a button that shows how its work goes, and cannot be pressed again until that is over. */
function worker(
  label: string,
  className: string,
  onClick: (start: (work: Work) => void) => void,
): HTMLElement {
  const made = button(label, className, () => made.ariaDisabled !== 'true' && onClick(start))
  const start = async (work: Work) => {
    made.ariaDisabled = 'true'
    await work((text) => {
      made.textContent = text
    })
    made.ariaDisabled = null
    made.textContent = label
  }
  return made
}

function told({ state, link, chunks }: RepairJson): string {
  const written = link.repaired + chunks.repaired
  const what =
    written === 0
      ? 'No copy was written again'
      : `${counted(written, 'copy', 'copies')} written again`
  if (state !== 'intact') {
    return `${what}: there is no right copy left of what is lost. Upload it again.`
  }
  if (link.silent + chunks.silent > 0)
    return `${what}. A server does not answer: repair again later.`
  return written === 0 ? 'Every copy is there.' : `${what}.`
}
