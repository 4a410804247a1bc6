import type { Finding } from './examine.ts'

/** How a file is previewed. A drawing is an image that could contain script. */
export type MediaKind = 'image' | 'drawing' | 'audio' | 'video' | 'text'

export function isMedia(kind: MediaKind): kind is 'audio' | 'video' {
  return kind === 'audio' || kind === 'video'
}

const TYPES: Record<string, string> = {
  avif: 'image/avif',
  gif: 'image/gif',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  png: 'image/png',
  svg: 'image/svg+xml',
  webp: 'image/webp',
  mp3: 'audio/mpeg',
  ogg: 'audio/ogg',
  wav: 'audio/wav',
  mp4: 'video/mp4',
  webm: 'video/webm',
}
const TELLS_NOTHING = new Set(['', 'application/octet-stream', 'application/x-www-form-urlencoded'])

/** The stored media type; if that is a default such as curl's, the type of the name's extension. */
export function typeOf({ type = '', ref }: Finding): string {
  const essence = type.split(';')[0]!.trim().toLowerCase()
  if (!TELLS_NOTHING.has(essence)) return essence
  const ending = ref.name?.split('.').at(-1)?.toLowerCase() ?? ''
  return TYPES[ending] ?? ''
}

export function kindOf(finding: Finding): MediaKind | undefined {
  const type = typeOf(finding)
  if (type === 'image/svg+xml') return 'drawing'
  if (/^image\/(avif|gif|jpeg|png|webp)$/.test(type)) return 'image'
  if (type.startsWith('audio/')) return 'audio'
  if (type.startsWith('video/')) return 'video'
  const isText =
    type === '' || type.startsWith('text/') || /[/+](json|xml|yaml|toml|javascript)$/.test(type)
  return isText ? 'text' : undefined
}
