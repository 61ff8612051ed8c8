import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { buildLog } from '../../test/fakes/github/scene.ts'
import { readBlocks } from './metadata-block.ts'
import type { RunMetadata } from './settings.ts'
import { velox } from './velox.ts'

const keys = velox.preset.metadata
const tag = 'presto-92865fbce0d2-velox-65797d572e0a-linux-amd64'
const block = {
  'Presto repository': 'prestodb/presto',
  'Presto ref': '92865fbce0d2a056af5334a0afecc1f36853b657',
  'Velox ref': '65797d572e0a297fa898e4f6ab4c1afc75fe3419',
  'Target platform': 'linux/amd64',
  'Worker bundle mode': 'all_native',
  'Image tag': tag,
}
const bare = Object.entries(block).map(([key, value]) => `${key}: ${value}`)

/** Cut into pieces of that many bytes. */
function read(log: string, size = 1 << 16): RunMetadata | undefined {
  const bytes = Buffer.from(log)
  const reader = readBlocks(keys)
  for (let at = 0; at < bytes.byteLength; at += size) {
    const found = reader.take(bytes.subarray(at, at + size))
    if (found !== undefined) return found
  }
  return reader.end()
}

describe('the metadata block of a log', () => {
  test('is read as GitHub writes it: times, colours, padded keys, and the script before it', () => {
    assert.deepEqual(read(buildLog(block)), { tag, fields: block })
  })
  test('is read however the log is cut into pieces', () => {
    for (const size of [1, 2, 3, 7, 64, 1000]) assert.deepEqual(read(buildLog(block), size)?.fields, block)
  })
  test('is read from bare lines, with line ends of Windows, and at the very end', () => {
    assert.equal(read(bare.join('\n'))?.tag, tag)
    assert.equal(read(bare.join('\r\n'))?.tag, tag)
  })
  test('is read as `gh run view --log` prints it', () => {
    const columns = buildLog(block).replace('\uFEFF', '').replaceAll(/^/gm, 'build\tPrint metadata\t')
    assert.deepEqual(read(columns)?.fields, block)
  })
  test('may be coloured, and have ornaments and unknown keys between', () => {
    const lines = bare.flatMap((line) => [`\u001B[32m${line}\u001B[0m`, '-----', 'Compiler: clang 18'])
    assert.deepEqual(read(lines.join('\n')), { tag, fields: block })
  })
  test('is the first that is complete', () => {
    const partial = bare.slice(0, 3)
    const second = bare.map((line) => line.replace('linux-amd64', 'linux-arm64'))
    assert.equal(read([...partial, 'Building', ...bare, 'Done', ...second].join('\n'))?.tag, tag)
    assert.equal(read([...bare.slice(0, 5), ...second, 'Done'].join('\n'))?.tag, tag.replace('amd64', 'arm64'))
  })
  test('is none where a key that it needs is missing', () => {
    for (const key of keys.required) assert.equal(read(bare.filter((line) => !line.startsWith(`${key}:`)).join('\n')), undefined, key)
    assert.equal(read(buildLog(undefined)), undefined)
    assert.equal(read(''), undefined)
  })
  test('is none where other lines stand between its own', () => {
    assert.equal(read(bare.join('\nBuilding layer 3 of 9\n')), undefined)
  })
  test('is none in the source of a script, whatever it says', () => {
    const source = ['##[group]Run cat <<EOF', ...bare, '##[endgroup]', 'shell: bash']
    assert.equal(read(source.join('\n')), undefined)
    assert.equal(read([...source, '##[group]Build metadata', ...bare, '##[endgroup]'].join('\n'))?.tag, tag)
  })
  test('is none where a shell was yet to fill it in, or GitHub hid a part', () => {
    for (const value of ['${IMAGE_TAG}', '$IMAGE_TAG', '$(tag)', '`tag`', 'presto-***-linux-amd64', ''])
      assert.equal(read(bare.join('\n').replace(tag, value)), undefined, value)
  })
  test('is none where its tag is none', () => {
    for (const value of ['a/b', '../x', '-x', 'x'.repeat(129), 'a b', 'ä'])
      assert.equal(read(bare.join('\n').replace(tag, value)), undefined, value)
  })
  test('does not hide behind a line without end', () => {
    const reader = readBlocks(keys)
    for (let at = 0; at < 100; at++) assert.equal(reader.take(Buffer.alloc(1 << 20, 'x')), undefined)
    assert.equal(reader.take(Buffer.from(`\n${bare.join('\n')}\nend\n`))?.tag, tag)
  })
  test('is a block of strings, or none, whatever a log has', () => {
    const line = fc.oneof(
      fc.constantFrom(...bare, '##[group]Run x', '##[endgroup]', '====', '\t\t\t', '\u001B[0m'),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(fc.array(line), fc.integer({ min: 1, max: 99 }), (lines, size) => {
        const found = read(lines.join('\n'), size)
        if (found !== undefined) assert.deepEqual(found, { tag, fields: { ...found.fields, ...pick(keys.required) } })
      }),
    )
  })
  test('has fields of any name without harm', () => {
    const reader = readBlocks({ ...keys, keys: ['__proto__'], required: ['__proto__'] })
    const found = reader.take(Buffer.from(`constructor: x\n__proto__: x\n${bare.join('\n')}\nend\n`))
    assert.equal(Object.getPrototypeOf(found?.fields ?? {}), Object.prototype)
  })
})

function pick(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(block).filter(([key]) => names.includes(key)))
}
