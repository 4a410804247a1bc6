import { byId } from './dom.ts'
import { type FileRef, Problem, request, urlOf } from './server.ts'

/** Resolves when the dialog is closed, if it was ever open. */
let closed: Promise<void> = Promise.resolve()

/** Deletes a file once the person has confirmed it; resolves with what to say, if they have. */
export async function confirmDelete(ref: FileRef): Promise<string | undefined> {
  const dialog = byId<HTMLDialogElement>('delete-dialog')
  const purge = byId<HTMLInputElement>('delete-purge')
  const what = 'hash' in ref ? `the content ${ref.hash.slice(0, 12)}…` : `“${ref.name}”`
  byId('delete-text').textContent =
    'hash' in ref
      ? `The link by hash goes: ${what}. Names that lead to it stay.`
      : `The name ${what} goes. Other names of the same content stay.`
  await closed // The end of the last question is told late: it must not be taken for this one's.
  purge.checked = false
  dialog.returnValue = 'cancel'
  closed = new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(), { once: true })
  })
  dialog.showModal()
  await closed
  if (dialog.returnValue !== 'delete') return undefined
  return remove(ref, purge.checked, what)
}

async function remove(ref: FileRef, purge: boolean, what: string): Promise<string> {
  const url = urlOf(ref)
  if (purge) url.searchParams.set('purge', 'true')
  try {
    await request(url, { method: 'DELETE' })
    return `Deleted ${what}.`
  } catch (error) {
    if (error instanceof Problem && error.reason === 'not-found') return `${what} was gone already.`
    return `Not deleted. ${error instanceof Error ? error.message : error}`
  }
}
