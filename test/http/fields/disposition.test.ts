import test from 'ava'
import { parseDisposition } from '../../../src/http/fields/disposition.ts'

test('a Content-Disposition is read however its parameters are written', (t) => {
  const table: [string, string, string | undefined][] = [
    ['form-data; name="f"', 'f', undefined],
    ['form-data; name=""', '', undefined],
    ['Form-Data ; NAME = "f" ; FileName = "x.txt"', 'f', 'x.txt'],
    ['form-data;name=f;filename=x.txt', 'f', 'x.txt'],
    ['form-data; filename="x.txt"; name="f"', 'f', 'x.txt'],
    ['form-data; name="f"; filename="x.txt";', 'f', 'x.txt'],
    ['form-data; name="f"; filename="x.txt" ; ', 'f', 'x.txt'],
    ['form-data; ; name="f";; filename="x.txt"', 'f', 'x.txt'],
    ['form-data; name="f"; filename="x.txt";size=3', 'f', 'x.txt'],
    ['form-data; name="f"; size=3', 'f', undefined],
    ['form-data;\tname="f";\tfilename="a;b=c.txt"', 'f', 'a;b=c.txt'],
    ['form-data; name="f"; filename=""', 'f', ''],
    ['form-data; name="日本"; filename="naïve 日本.txt"', '日本', 'naïve 日本.txt'],
    ['form-data; name="f"; filename*=UTF-8\'\'na%C3%AFve%20.txt', 'f', 'naïve .txt'],
    ['form-data; name="f"; filename*=utf-8\'en\'x.txt', 'f', 'x.txt'],
    ['form-data; name="f"; filename="n?ve"; filename*=UTF-8\'\'na%C3%AFve', 'f', 'naïve'],
    ['form-data; filename*=UTF-8\'\'na%C3%AFve; filename="n?ve"; name="f"', 'f', 'naïve'],
    ["form-data; name*=UTF-8''%C3%A4; filename=x", 'ä', 'x'],
  ]
  for (const [text, field, filename] of table) {
    t.deepEqual(parseDisposition(text), { field, filename }, text)
  }
})

test('a file has the name that its sender means, however it escapes it', (t) => {
  const table: [who: string, written: string, name: string][] = [
    ['browsers, undici, curl, urllib3 2', 'a%22b.txt', 'a"b.txt'],
    ['browsers', 'a\\b.txt', 'a\\b.txt'],
    ['browsers', 'a\\%22b.txt', 'a\\"b.txt'],
    ['browsers', '100%25 & %2.txt', '100%25 & %2.txt'],
    ['browsers', 'a&#228;b', 'a&#228;b'],
    ['browsers', 'a%0D%0Ab', 'a\r\nb'],
    ['Go, curl --form-escape', 'a\\"b.txt', 'a"b.txt'],
    ['Go, curl --form-escape, urllib3 1', 'a\\\\b.txt', 'a\\b.txt'],
    ['Go', '\\"\\\\\\"', '"\\"'],
    ['any', 'a\u2028\\\u2028b', 'a\u2028\\\u2028b'],
  ]
  for (const [who, written, name] of table) {
    const { filename } = parseDisposition(`form-data; name="f"; filename="${written}"`)
    t.is(filename, name, who)
  }
})

test('a Content-Disposition that cannot be understood is refused', (t) => {
  const table = [
    '',
    'form-data',
    'form-data; filename="x"',
    'attachment; name="f"; filename="x"',
    'form-data, name="f"',
    'form-data name="f"',
    'form-data; name',
    'form-data; name=',
    'form-data; ="f"',
    'form-data; name="f',
    'form-data; name="f\\"',
    'form-data; name="f"x',
    'form-data; name="f" x="y"',
    'form-data; name=f g; filename=x',
    'form-data; name="f"; filename=a"b',
    'form-data; name="f"; filename=日本',
    'form-data; name="f"; filename="a"; filename="b"',
    'form-data; name="f"; NAME="g"',
    'form-data; name="f"; filename*=x',
    'form-data; name="f"; filename*="UTF-8\'\'x"',
    'form-data; name="f"; filename*=ISO-8859-1\'\'%E4',
    'form-data; name="f"; filename*=UTF-8\'\'%E4',
    'form-data; name="f"; filename*=UTF-8\'\'%C0%AF',
    'form-data; name="f"; filename*=UTF-8\'\'%ED%A0%80',
    'form-data; name="f"; filename*=UTF-8\'\'%zz',
    'form-data; name="f"; filename*=UTF-8\'\'a%2',
    'form-data; name="f"; filename*0="a"; filename*1="b"',
    'form-data; name="f"; filename*0*=UTF-8\'\'a',
  ]
  for (const text of table) {
    t.throws(() => parseDisposition(text), { name: 'HttpProblem' }, text)
  }
})
