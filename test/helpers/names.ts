/** Names with characters that have a meaning in URLs, headers, paths or shells. */
export const NAMES = [
  'a',
  'a/b/c',
  'a b',
  '.',
  '..',
  'a/../b',
  'a/./b',
  'a//b',
  'a/',
  '/a',
  '%',
  'a%2Fb',
  'a?b=c',
  'a#b',
  'a\\b',
  'a@b:c;d=e,f',
  "it's ~all! (of) *them* $&+",
  '{a}',
  '__proto__',
  'grüße 🌍',
  'n'.repeat(1024),
  '🌍'.repeat(256),
]

/** Paths that a client may send unencoded, and the names they stand for. */
export const RAW_PATHS: readonly [string, string][] = [
  ['/files/a/../b', 'a/../b'],
  ['/files/a/./b', 'a/./b'],
  ['/files/..', '..'],
  ['/files//a', '/a'],
  ['/files/a/', 'a/'],
  ['/files/a@b:c;d=e,f', 'a@b:c;d=e,f'],
  ['/files/%61%2f%2E%2e', 'a/..'],
  ['/files/a"b', 'a"b'],
  ['/files/{a|b}', '{a|b}'],
]
