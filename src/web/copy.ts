import { announce, button, element } from './dom.ts'

/** Creates a button that copies what `text` returns. @param name What screen readers call it. */
export function copyButton(label: string, text: () => string, name = label): HTMLButtonElement {
  const made = button(label, 'quiet', async () => {
    const done = await copy(text())
    made.textContent = done ? 'Copied' : 'Not allowed'
    announce(done ? `${name}: copied` : 'The browser does not allow copying')
    setTimeout(() => {
      made.textContent = label
    }, 1600)
  })
  if (name !== label) made.ariaLabel = name
  return made
}

/** Without https there is no clipboard API, but the old command works. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copySelected(text)
  }
}

function copySelected(text: string): boolean {
  const before = document.activeElement
  const area = element('textarea', { value: text, className: 'visually-hidden' })
  document.body.append(area)
  area.select()
  const done = document.execCommand('copy')
  area.remove()
  if (before instanceof HTMLElement) before.focus()
  return done
}
