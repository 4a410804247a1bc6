import { pathOf, type RemoteRef, withQuery } from '../../api/paths.ts'
import { byId } from '../dom.ts'
import { messageOf, RemoteError, request, urlAt } from '../server.ts'

/** Resolves when the dialog is closed. */
let closed: Promise<void> = Promise.resolve()

/** Deletes a file if the user confirms it; resolves with a message then, else with `undefined`. */
export async function confirmDelete(ref: RemoteRef): Promise<string | undefined> {
  const dialog = byId<HTMLDialogElement>('delete-dialog')
  const purge = byId<HTMLInputElement>('delete-purge')
  const what = ref.name === undefined ? `the content ${ref.hash.slice(0, 12)}…` : `“${ref.name}”`
  byId('delete-text').textContent =
    ref.name === undefined
      ? `The link by hash goes: ${what}. Names that lead to it stay.`
      : `The name ${what} goes. Other names of the same content stay.`
  await closed // The close event comes late: it must not end this question too.
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

async function remove(ref: RemoteRef, purge: boolean, what: string): Promise<string> {
  const url = urlAt(withQuery(pathOf(ref), { purge }))
  try {
    await request(url, { method: 'DELETE' })
    return `Deleted ${what}.`
  } catch (error) {
    if (error instanceof RemoteError && error.reason === 'not-found')
      return `${what} was gone already.`
    return `Not deleted. ${messageOf(error)}`
  }
}
