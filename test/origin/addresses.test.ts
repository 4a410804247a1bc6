import test from 'ava'
import fc from 'fast-check'
import { Addresses, parseTemplate } from '../../src/origin/addresses.ts'

const base = new URL('https://files.example/base/')
const addresses = new Addresses(base, parseTemplate('https://cas.example/by/{hash}?v=1'), [
  'cdn.example',
  'x:8443',
  'y:443',
])

const paths: [string, string | undefined][] = [
  ['a.txt', '/base/a.txt'],
  ['a/b c/ü.txt', '/base/a/b%20c/%C3%BC.txt'],
  ['a?b=c#d', '/base/a%3Fb%3Dc%23d'],
  ['a%2Fb', '/base/a%252Fb'],
  ['%2e%2e/x', '/base/%252e%252e/x'],
  ['...', '/base/...'],
  ['https://other.example/x', undefined],
  ['//other.example/x', undefined],
  ['/x', undefined],
  ['a/', undefined],
  ['a//b', undefined],
  ['..', undefined],
  ['../x', undefined],
  ['a/../../x', undefined],
  ['a/./x', undefined],
  ['a\\..\\..\\x', undefined],
  ['@other.example', '/base/%40other.example'],
  [':80', '/base/%3A80'],
]
for (const [name, path] of paths) {
  test(`the name ${name} is ${path ?? 'not asked for'}`, (t) => {
    t.deepEqual(addresses.ofName(name), path === undefined ? undefined : { origin: base, path })
  })
}

test('whatever the name, a URL parser finds it below the base, and a server the same name', (t) => {
  const name = fc.string({ unit: 'grapheme-composite', minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(fc.oneof(name, fc.stringMatching(/^[./\\%2eEfF:@?#a-]{1,20}$/)), (name) => {
      const address = addresses.ofName(name)
      if (address === undefined) return
      const url = new URL(address.path, base)
      t.is(url.origin, base.origin)
      t.is(url.pathname, address.path)
      t.is(url.search + url.hash, '')
      t.is(decodeURIComponent(url.pathname), `/base/${name}`)
    }),
  )
})

test('a hash goes into the template, on its own host', (t) => {
  const address = addresses.ofHash('ab')!
  t.is(address.origin.origin, 'https://cas.example')
  t.is(address.path, '/by/ab?v=1')
  t.false(addresses.isOwn(address))
  t.true(addresses.isOwn(addresses.ofName('x')!))
  t.is(new Addresses(base, undefined, []).ofHash('ab'), undefined)
  for (const template of [
    'https://cas.example/',
    'cas.example/{hash}',
    'ftp://x/{hash}',
    'https://{hash}/',
  ]) {
    t.throws(() => parseTemplate(template), { code: 'bad-request' }, template)
  }
})

const redirects: [string | undefined, string | undefined][] = [
  ['https://files.example/other', 'https://files.example/other'],
  ['/other?x=1#y', 'https://files.example/other?x=1'],
  ['b.txt', 'https://files.example/base/b.txt'],
  ['https://cdn.example/a', 'https://cdn.example/a'],
  ['https://CDN.example:444/a', 'https://cdn.example:444/a'],
  ['https://x:8443/a', 'https://x:8443/a'],
  ['https://x/a', undefined],
  ['https://y/a', 'https://y/a'],
  ['https://y:444/a', undefined],
  ['/\u00c3\u00bc', 'https://files.example/%C3%BC'], // UTF-8, as Node hands it out.
  ['/\u00fc', 'https://files.example/%C3%BC'], // Latin-1.
  ['//other.example/a', undefined],
  ['https://other.example/a', undefined],
  ['https://files.example:444/a', undefined],
  ['http://files.example/a', undefined],
  ['http://cdn.example/a', undefined],
  ['https://user@files.example/a', undefined],
  ['https://:secret@cdn.example/a', undefined],
  ['file:///etc/passwd', undefined],
  ['https://', undefined],
  [undefined, undefined],
]
for (const [location, expected] of redirects) {
  test(`a redirect to ${location} ${expected === undefined ? 'is refused' : 'is followed'}`, (t) => {
    const to = addresses.redirect(addresses.ofName('a.txt')!, location)
    t.is(to && to.origin.origin + to.path, expected)
  })
}

test('what is no host is refused as one for redirects', (t) => {
  for (const host of ['http://x/', 'x/y', 'a@b', '', 'a b']) {
    t.throws(() => new Addresses(base, undefined, [host]), { code: 'bad-request' }, host)
  }
})
