/** The element of the page with this id, which index.html must have. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the page has no #${id}`)
  return element as E
}

export interface Part {
  readonly root: HTMLElement
  /** The element inside with `data-slot="name"`. */
  slot<E extends HTMLElement = HTMLElement>(name: string): E
}

/** A copy of the page's `<template id="…">`. */
export function part(template: string): Part {
  const { content } = byId<HTMLTemplateElement>(template)
  const root = content.firstElementChild!.cloneNode(true) as HTMLElement
  return {
    root,
    slot<E extends HTMLElement>(name: string) {
      const element = root.querySelector<E>(`[data-slot="${name}"]`)
      if (element === null) throw new Error(`#${template} has no slot ${name}`)
      return element
    },
  }
}

type Properties<E> = { [K in keyof E]?: E[K] }

/** Creates an element with properties and children. Strings become text, never markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

export function button(text: string, className: string, onClick: () => void): HTMLButtonElement {
  return element('button', { type: 'button', className, onclick: onClick }, text)
}

/** Has screen readers read `text` out. */
export function announce(text: string): void {
  byId('announcer').textContent = text
}
