/** What a terminal would act on: C0 and C1 controls, line separators, and what reverses text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ACTED_ON = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** Whether a terminal would act on nothing in `text`. */
export function isPrintable(text: string): boolean {
  return printable(text) === text
}

/** Returns `text` with escapes such as `\x1b` in place of what a terminal would act on. */
export function printable(text: string): string {
  return text.replace(ACTED_ON, (character) => {
    const code = character.charCodeAt(0).toString(16)
    return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, '0')}`
  })
}

/** Returns the JSON of a value, with escapes in place of what a terminal would act on: it means the same. */
export function printableJson(value: object): string {
  return JSON.stringify(value).replace(
    ACTED_ON,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
