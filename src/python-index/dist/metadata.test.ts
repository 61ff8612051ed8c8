import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { bytesOf, isFault, run } from '../../kit/index.ts'
import { maxMetadataBytes, parseMetadata } from './metadata.ts'

const parse = (...lines: string[]) => parseMetadata(Buffer.from(lines.join('\n')))
const least = ['Metadata-Version: 2.1', 'Name: Foo.Bar', 'Version: 1.0-rc1'] as const

function refuses(text: string | Uint8Array, reason: RegExp): void {
  assert.throws(
    () => parseMetadata(Buffer.from(text)),
    (error) => isFault(error, 'invalid') && reason.test(error.message),
  )
}

test('name, version, Python, requirements and extras are read', () => {
  const core = parse(
    ...least,
    'Requires-Python: >=3.8,<4',
    'Requires-Dist: numpy (>=1.2)',
    "Requires-Dist: rocm[devel]==7.0; extra == 'gpu'",
    'Provides-Extra: GPU_x',
    'Provides-Extra: gpu-x',
    'Provides-Extra: test',
    '',
    'A description.',
  )
  assert.deepEqual(core, {
    name: 'Foo.Bar',
    version: '1.0-rc1',
    requiresPython: '>=3.8,<4',
    requires: ['numpy (>=1.2)', "rocm[devel]==7.0; extra == 'gpu'"],
    extras: ['gpu-x', 'test'],
  })
})

test('what is not said is left out, and so is what is said as nothing', () => {
  assert.deepEqual(parse(...least), { name: 'Foo.Bar', version: '1.0-rc1', requires: [], extras: [] })
  assert.deepEqual(parse(...least, 'Requires-Python:  '), { name: 'Foo.Bar', version: '1.0-rc1', requires: [], extras: [] })
})

test('names of fields are of any case, lines end in any way, and folded lines are one', () => {
  const core = parseMetadata(Buffer.from('NAME:foo\r\nversion:\t1\rrequires-dist: a\r\n  >=1,\r\n\t<2\r\nRequires-Python: >=3\n   ,<4\n'))
  assert.deepEqual(core, { name: 'foo', version: '1', requiresPython: '>=3 ,<4', requires: ['a >=1, <2'], extras: [] })
})

test('the description is no field, whatever it looks like', () => {
  assert.deepEqual(parse(...least, '', 'Requires-Dist: evil', 'Name: other').requires, [])
})

test("fields end at a line that is none, as in the tools of Python, and lines before the first field are nobody's", () => {
  assert.deepEqual(parse(...least, 'License: MIT', 'which is not folded', 'Requires-Dist: lost').requires, [])
  assert.equal(parse('  begins with a fold', ...least).name, 'Foo.Bar')
})

test('other languages are read, in fields that are not looked at too', () => {
  assert.equal(parse(...least, 'Author: Élise Müller 李', 'Requires-Python: >=3').requiresPython, '>=3')
})

test('an extra that nobody can ask for is left out', () => {
  assert.deepEqual(parse(...least, "Provides-Extra: :python_version<'3'", 'Provides-Extra: docs').extras, ['docs'])
})

test('what is wrong is said', () => {
  refuses('', /no Name/)
  refuses('Name: foo\n', /no Version/)
  refuses('\uFEFFName: foo\nVersion: 1\n', /no Name/)
  refuses('Name: foo bar\nVersion: 1\n', /Name that is none: "foo bar"/)
  refuses('Name: <script>\nVersion: 1\n', /Name that is none/)
  refuses('Name: foo\nVersion: one\n', /Version that is none \(PEP 440\): "one"/)
  refuses('Name: foo\nname: bar\nVersion: 1\n', /says name twice/)
  refuses('Name: foo\nVersion: 1\nRequires-Python: >=3\nRequires-Python: >=2\n', /says requires-python twice/)
  refuses('Name: foo\nVersion: 1\nRequires-Python: >=3\u0007\n', /control character in requires-python/)
  refuses(Buffer.from('Name: foo\nVersion: 1\nAuthor: \xe9\n', 'latin1'), /not UTF-8/)
  refuses(Buffer.alloc(maxMetadataBytes + 1, 0x20), /larger than its limit of 1048576 bytes/)
})

test(`any text reads as Python's email parser reads it (seed ${testSeed})`, async (t) => {
  if ((await run(['python3', '--version']).catch(() => undefined))?.status !== 0) return t.skip('python3 is not installed')
  const random = seededRandom(testSeed)
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)]!
  const bits = [
    'Name: a',
    'Version: 1',
    'Requires-Dist: b',
    'requires-dist:c',
    'Requires-Python: >=3',
    ' folded',
    '\tfolded',
    '',
    'no field',
    'X: y',
    ':z',
    'Ü: x',
    ' ',
    'From me',
    'a\fb: c',
  ]
  const texts = Array.from({ length: 300 }, () =>
    Array.from({ length: 2 + Math.floor(random() * 10) }, () => pick(bits) + pick(['\n', '\n', '\n', '\r\n', '\r'])).join(''),
  )
  const program =
    'import sys,json,email\nprint(json.dumps([{k:[" ".join(l.strip() for l in v.splitlines()).strip() for v in m.get_all(k,[])] for k in ("name","version","requires-dist","requires-python")} for m in map(email.message_from_string, json.load(sys.stdin))]))'
  const { stdout } = await run(['python3', '-c', program], { input: bytesOf(JSON.stringify(texts)) })
  const expected = JSON.parse(stdout) as Record<'name' | 'version' | 'requires-dist' | 'requires-python', string[]>[]
  texts.forEach((text, index) => {
    const theirs = expected[index]!
    const isUsable = theirs.name.length === 1 && theirs.version.length === 1 && theirs['requires-python'].length <= 1
    try {
      const core = parseMetadata(Buffer.from(text))
      assert.ok(isUsable)
      assert.deepEqual([core.name, core.version, core.requires], [theirs.name[0], theirs.version[0], theirs['requires-dist']])
    } catch (error) {
      const isRight = isFault(error, 'invalid') && (!isUsable || / that is none/.test(error.message))
      assert.ok(isRight, `${JSON.stringify(text)}: ${String(error)}\n${JSON.stringify(theirs)}`)
    }
  })
})
