import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync, linkSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fleetingPieces } from '../../../test/fakes/fleeting-pieces.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { paxRecord, type TarForm, tarBytes, type TarMember as Member } from '../../../test/fakes/tar-bytes.ts'
import { bytesOf, collect, Fault, isFault, run } from '../index.ts'
import { readTar } from './index.ts'

const scratch = scratchDirectory()

async function membersOf(bytes: Uint8Array, sizes = () => 1000): Promise<string[]> {
  const found: string[] = []
  for await (const { name, type, link, content } of readTar(fleetingPieces(bytes, sizes))) {
    const text = Buffer.from(await collect(content, 1 << 20)).toString('latin1')
    found.push(`${type} ${name}${link === '' ? '' : ` -> ${link}`} ${text}`.trimEnd())
  }
  return found
}

const long = `${'folder-with-a-long-name/'.repeat(6)}file.txt`
const text = (content: string) => Buffer.from(content)

for (const form of ['ustar', 'pax', 'gnu'] as const satisfies TarForm[]) {
  test(`members of a ${form} archive come in order with their names, however the pieces are cut`, async () => {
    const bytes = tarBytes(
      [
        { name: 'a/', type: '5' },
        { name: 'a/empty' },
        { name: long, content: text('x'.repeat(513)) },
        { name: 'last', content: text('end') },
      ],
      form,
    )
    const expected = ['directory a/', 'file a/empty', `file ${long} ${'x'.repeat(513)}`, 'file last end']
    for (const size of [1, 7, 511, 512, 513, 100_000]) assert.deepEqual(await membersOf(bytes, () => size), expected, `pieces of ${size}`)
  })
}

for (const form of ['v7', 'ustar', 'gnu', 'oldgnu', 'pax', 'posix'] as const) {
  test(`what GNU tar writes with --format=${form} is read`, async () => {
    const root = path.join(scratch, form)
    // The older forms have no room for the target of a long link.
    const deep = form === 'v7' || form === 'ustar' ? 'deep' : long.replace('/file.txt', '')
    mkdirSync(path.join(root, deep), { recursive: true })
    writeFileSync(path.join(root, deep, 'file'), 'content')
    symlinkSync('file', path.join(root, deep, 'to-file'))
    linkSync(path.join(root, deep, 'file'), path.join(root, deep, 'too'))
    const archive = path.join(scratch, `${form}.tar`)
    const command = ['tar', '--sort=name', `--format=${form}`, '-C', root, '-cf', archive, deep] as const
    assert.equal((await run(command)).status, 0)
    const found = await membersOf(readFileSync(archive))
    assert.deepEqual(
      found.filter((member) => member.includes(`${deep}/`) && !member.startsWith('directory')),
      [`file ${deep}/file content`, `symlink ${deep}/to-file -> file`, `hardlink ${deep}/too -> ${deep}/file`],
    )
    assert.ok(found.includes(`directory ${deep}/`))
  })
}

test('content that nobody reads is skipped, and what stands after the end mark is left alone', async () => {
  const bytes = Buffer.concat([
    tarBytes([{ name: 'a', content: text('x'.repeat(5000)) }, { name: 'b' }]),
    Buffer.from('garbage'.repeat(100)),
  ])
  const names: string[] = []
  for await (const { name } of readTar(bytesOf(bytes))) names.push(name)
  assert.deepEqual(names, ['a', 'b'])
})

test('an archive without its end mark ends where its bytes end', async () => {
  assert.deepEqual(await membersOf(tarBytes([{ name: 'a' }]).subarray(0, 512)), ['file a'])
  assert.deepEqual(await membersOf(new Uint8Array(0)), [])
})

test('a pax header gives the size, its later records win, and a global one holds for all', async () => {
  const record = Buffer.concat([
    paxRecord('comment', 'ignored'),
    paxRecord('path', 'first'),
    paxRecord('size', '3'),
    paxRecord('path', 'päth'),
  ])
  const bytes = tarBytes([
    { name: 'g', type: 'g', content: paxRecord('path', 'everywhere') },
    { name: 'x', type: 'x', content: record },
    { name: 'short', content: text('abc'), says: { size: 0 } },
    { name: 'plain' },
  ])
  const found = await membersOf(bytes)
  assert.deepEqual(
    found.map((name) => Buffer.from(name, 'latin1').toString()),
    ['file päth abc', 'file everywhere'],
  )
})

test('sizes in binary are read, as GNU tar writes large ones', async () => {
  const bytes = tarBytes([{ name: 'a', content: text('abc') }])
  bytes.fill(0, 124, 136)
  bytes[124] = 0x80
  bytes[135] = 3
  bytes.write('        ', 148)
  bytes.write(
    `${bytes
      .subarray(0, 512)
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  )
  assert.deepEqual(await membersOf(bytes), ['file a abc'])
})

const broken: Readonly<Record<string, Uint8Array>> = {
  'no tar': text('<html>not found</html>'.repeat(50)),
  'a header cut off': tarBytes([{ name: 'a' }]).subarray(0, 100),
  'content cut off': tarBytes([{ name: 'a', content: text('x'.repeat(2000)) }]).subarray(0, 1200),
  'padding cut off': tarBytes([{ name: 'a', content: text('x') }]).subarray(0, 600),
  'a wrong checksum': tarBytes([{ name: 'a', says: { checksum: 7 } }]),
  'an extended header at the end': tarBytes([{ name: 'x', type: 'x', content: paxRecord('path', 'a') }]),
  'a damaged pax record': tarBytes([{ name: 'x', type: 'x', content: text('99 path=a\n') }, { name: 'a' }]),
  'a pax record of no length': tarBytes([{ name: 'x', type: 'x', content: text('0 path=a\n') }, { name: 'a' }]),
  'a pax size that is none': tarBytes([{ name: 'x', type: 'x', content: paxRecord('size', '-1') }, { name: 'a' }]),
  'a huge extended header': tarBytes([{ name: 'x', type: 'x', says: { size: 2 << 20 } }, { name: 'a' }]),
}

for (const [what, bytes] of Object.entries(broken)) {
  test(`${what} is corrupt`, async () => {
    await assert.rejects(membersOf(bytes), (error) => isFault(error, 'corrupt'))
  })
}

test('a sparse file in the old form of GNU tar is unsupported, and said', async () => {
  await assert.rejects(
    membersOf(tarBytes([{ name: 'holes', type: 'S' }])),
    (error) => isFault(error, 'unsupported') && /holes/.test(error.message),
  )
})

test('a source that fails passes its error unchanged, and one that is left early is told', async () => {
  let ended = 0
  async function* failing() {
    try {
      yield tarBytes([{ name: 'a' }, { name: 'b' }]).subarray(0, 512)
      throw new Fault('unavailable', 'planned')
    } finally {
      ended++
    }
  }
  await assert.rejects(async () => {
    for await (const _ of readTar(failing()));
  }, /planned/)
  for await (const _ of readTar(failing())) break
  assert.equal(ended, 2)
})

test(`whatever the bytes are, they are members or corrupt (seed ${testSeed})`, async () => {
  const random = seededRandom(testSeed)
  const good: Member[] = [
    { name: long, content: text('abc'.repeat(300)) },
    { name: 'x', type: 'x', content: paxRecord('path', 'other') },
    { name: 'b' },
  ]
  for (let round = 0; round < 400; round++) {
    const bytes = Buffer.from(tarBytes(good, (['ustar', 'pax', 'gnu'] as const)[round % 3]))
    for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) {
      const at = Math.floor(random() * bytes.byteLength)
      bytes[at] = Math.floor(random() * 256)
      // Else the checksum would catch nearly all.
      if (random() < 0.7) mendHeaders(bytes)
    }
    const cut = random() < 0.3 ? bytes.subarray(0, Math.floor(random() * bytes.byteLength)) : bytes
    await membersOf(cut, () => 1 + Math.floor(random() * 2000)).catch((error: unknown) => {
      assert.ok(isFault(error, 'corrupt') || isFault(error, 'unsupported'), `round ${round}: ${String(error)}`)
    })
  }
})

function mendHeaders(bytes: Buffer): void {
  for (let at = 0; at + 512 <= bytes.byteLength; at += 512) {
    const block = bytes.subarray(at, at + 512)
    if (block.toString('latin1', 257, 262) !== 'ustar') continue
    block.write('        ', 148)
    block.write(
      `${block
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    )
  }
}
