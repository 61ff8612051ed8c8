import assert from 'node:assert/strict'
import { mkdtempSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { type ZipMember, zipBytes, type ZipShape } from '../../../test/fakes/zip-bytes.ts'
import { collect, Fault, isFault, run } from '../index.ts'
import { openZip, type RangedSource, rangesOfFile, readAhead, type Zip } from './index.ts'

const noise = (size: number, seed = 1): Buffer => {
  const random = seededRandom(seed)
  return Buffer.from(Uint8Array.from({ length: size }, () => Math.floor(random() * 256)))
}

interface Memory extends RangedSource {
  readonly asked: [start: number, end: number][]
}

/** Bytes in memory, given in pieces whose room is used again. */
function memory(bytes: Uint8Array, pieceBytes = 700): Memory {
  const asked: [number, number][] = []
  const pieces = async function* (start: number, end: number) {
    const room = new Uint8Array(pieceBytes)
    for (let at = start; at < end; at += pieceBytes) {
      const piece = bytes.subarray(at, Math.min(end, at + pieceBytes))
      room.set(piece)
      yield room.subarray(0, piece.byteLength)
      room.fill(0xaa)
    }
  }
  return {
    name: 'a.zip',
    size: bytes.byteLength,
    asked,
    async read(start, end) {
      asked.push([start, end])
      return { rewindable: false, [Symbol.asyncIterator]: () => pieces(start, end) }
    },
  }
}

async function contentOf(zip: Zip, name: string): Promise<Buffer> {
  const entry = zip.entries.find((one) => one.name === name)!
  const pieces: Uint8Array[] = []
  for await (const piece of await zip.open(entry, { parts: 3, partBytes: 1000 })) pieces.push(new Uint8Array(piece))
  return Buffer.concat(pieces)
}

const members: readonly ZipMember[] = [
  { name: 'folder/', content: new Uint8Array(0), isStored: true },
  { name: 'folder/deflated.tar', content: Buffer.concat([noise(5000), Buffer.alloc(50_000)]) },
  { name: 'stored.tar', content: noise(40_000, 2), isStored: true },
  { name: 'empty', content: new Uint8Array(0) },
  { name: 'streamed', content: noise(20_000, 3), isStreamed: true },
  { name: 'inner.zip', content: zipBytes([{ name: 'stored.tar', content: noise(99, 4) }]), isStored: true, isStreamed: true },
]
const shapes: readonly ZipShape[] = [{}, { zip64: true }, { comment: Buffer.from('a comment') }]

test('entries are what was put in: stored, deflated, empty, with sizes behind them, and a zip within the zip', async () => {
  for (const shape of shapes) {
    const zip = await openZip(memory(zipBytes(members, shape)))
    assert.deepEqual(
      zip.entries.map(({ name, size }) => [name, size]),
      members.map(({ name, content }) => [name, content.byteLength]),
    )
    for (const { name, content } of members) {
      assert.ok((await contentOf(zip, name)).equals(content), name)
      const small = await zip.read(
        zip.entries.find((entry) => entry.name === name)!,
        1 << 20,
      )
      assert.ok(Buffer.from(small).equals(content), name)
    }
  }
})

test('an entry is asked for by its header and then its content alone, and can be read again', async () => {
  const source = memory(zipBytes([...members, { name: 'tail', content: noise(80_000, 9), isStored: true }]))
  const zip = await openZip(source)
  source.asked.length = 0
  const entry = zip.entries.find(({ name }) => name === 'stored.tar')!
  const bytes = await zip.open(entry, { partBytes: 1 << 20 })
  assert.equal(bytes.length, 40_000)
  for (const _ of [1, 2]) assert.ok(Buffer.from(await collect(bytes, 1 << 20)).equals(members[2]!.content))
  assert.equal(source.asked.length, 3)
  assert.ok(source.asked[0]![1] - source.asked[0]![0] < 1000)
  assert.equal(source.asked[1]![1] - source.asked[1]![0], 40_000)
})

const damages: readonly (readonly [what: string, member: Partial<ZipMember>, says: RegExp])[] = [
  ['a wrong checksum', { says: { crc: 1 } }, /"x" is damaged: its checksum is wrong/],
  ['a size that is too small', { says: { size: 9_000 } }, /inflates to more than the zip says/],
  ['a size that is too large', { says: { size: 11_000 } }, /has not the size that the zip says/],
  ['a size that nothing inflates to', { says: { size: 1 << 30 } }, /cannot inflate to 1073741824 bytes/],
  ['encryption', { flags: 1 }, /is encrypted/],
  ['a method that nobody knows', { says: { method: 93 } }, /packed by the method 93/],
  ['a place outside of it', { says: { offset: 1 << 24 } }, /lies outside of the zip/],
  ['less content than is packed', { says: { stored: 20 } }, /is damaged|overlaps/],
]

test('nothing wrong is given to its end', async () => {
  const content = Buffer.concat([noise(5000), Buffer.alloc(5000)])
  for (const [what, member, says] of damages) {
    const zip = await openZip(memory(zipBytes([{ name: 'x', content, ...member }])))
    let given = 0
    const fault = await faultOf(
      (async () => {
        for await (const piece of await zip.open(zip.entries[0]!)) given += piece.byteLength
      })(),
      'corrupt',
      says,
    )
    assert.ok(given < zip.entries[0]!.size, what)
    assert.equal(fault.at, 'a.zip')
    await faultOf(zip.read(zip.entries[0]!, 1 << 20), 'corrupt', /^"x" /)
  }
})

test('what stands behind the deflated data of an entry is found', async () => {
  const plain = noise(3000)
  const packed = Buffer.concat([deflateRawSync(plain), Buffer.from('more')])
  const bytes = zipBytes([{ name: 'x', content: packed, isStored: true, says: { method: 8, size: 3000 } }])
  const zip = await openZip(memory(bytes))
  await faultOf(contentOf(zip, 'x'), 'corrupt', /something stands behind its data|checksum/)
})

test('entries that share bytes are refused, as in bombs of a few kilobytes', async () => {
  const kernel = { name: 'kernel', content: Buffer.alloc(1 << 20) }
  const same = await openZip(memory(zipBytes([kernel, { ...kernel, name: 'nested', says: { offset: 0 } }])))
  for (const name of ['kernel', 'nested']) await faultOf(contentOf(same, name), 'corrupt', /overlaps|header that says other things/)
  const within = zipBytes([
    { ...kernel, says: { stored: 2000 } },
    { name: 'b', content: noise(3000) },
  ])
  await faultOf(contentOf(await openZip(memory(within)), 'kernel'), 'corrupt', /overlaps/)
})

test('a zip that is cut anywhere is refused, or gives what it has', async () => {
  const whole = zipBytes(members.slice(0, 3))
  for (let size = 0; size < whole.byteLength; size += size < whole.byteLength - 400 ? 997 : 1)
    await faultOf(openZip(memory(whole.subarray(0, size))), 'corrupt', /zip|empty/)
})

test(`whatever is changed in a zip, an entry that is given to its end is what its checksum says (seed ${testSeed})`, async () => {
  const random = seededRandom(testSeed)
  let given = 0
  for (let round = 0; round < 400; round++) {
    const bytes = Buffer.from(zipBytes(members, shapes[round % 3]))
    const at = random() < 0.7 ? bytes.byteLength - 1 - Math.floor(random() * 600) : Math.floor(random() * bytes.byteLength)
    bytes[at] = Math.floor(random() * 256)
    try {
      const zip = await openZip(memory(bytes, 10_000))
      for (const { name, content } of members) {
        if (!zip.entries.some((entry) => entry.name === name)) continue
        assert.ok((await contentOf(zip, name)).equals(content), `round ${round}: ${name}`)
        given++
      }
    } catch (error) {
      assert.ok(isFault(error, 'corrupt'), `round ${round}: ${String(error)}`)
    }
  }
  assert.ok(given > 100)
})

test('what Python and Info-ZIP write is read', async (t) => {
  if ((await run(['python3', '--version']).catch(() => undefined))?.status !== 0) return t.skip('python3 is not installed')
  const folder = mkdtempSync(path.join(scratchDirectory(), 'x'))
  const file = path.join(folder, 'of-python.zip')
  writeFileSync(path.join(folder, 'a.tar'), noise(70_000))
  const program = `import zipfile, sys
with zipfile.ZipFile(sys.argv[1], "w") as z:
    z.write(sys.argv[2], "a/stored.tar")
    z.write(sys.argv[2], "a/deflated.tar", zipfile.ZIP_DEFLATED)
    with z.open("wide.tar", "w", force_zip64=True) as f: f.write(open(sys.argv[2], "rb").read())`
  assert.equal((await run(['python3', '-c', program, file, path.join(folder, 'a.tar')])).status, 0)
  const zip = await openZip(rangesOfFile(file, statSync(file).size))
  for (const name of ['a/stored.tar', 'a/deflated.tar', 'wide.tar']) assert.ok((await contentOf(zip, name)).equals(noise(70_000)), name)
})

test('reading ahead gives the bytes in order, with so many parts under way and no more', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        size: fc.integer({ min: 0, max: 5000 }),
        parts: fc.integer({ min: 1, max: 5 }),
        partBytes: fc.integer({ min: 1, max: 900 }),
      }),
      fc.infiniteStream(fc.integer({ min: 0, max: 3 })),
      async ({ size, parts, partBytes }, turns) => {
        const bytes = noise(size, size)
        let underWay = 0
        let most = 0
        const source: RangedSource = {
          ...memory(bytes),
          async read(start, end) {
            most = Math.max(most, ++underWay)
            const pieces = async function* () {
              for (let at = start; at < end; at += 100) {
                for (let turn = turns.next().value as number; turn > 0; turn--) await Promise.resolve()
                yield bytes.subarray(at, Math.min(end, at + 100))
              }
              underWay--
            }
            return { rewindable: false, [Symbol.asyncIterator]: pieces }
          },
        }
        const start = Math.floor(size / 3)
        assert.ok(Buffer.from(await collect(readAhead(source, { start, end: size, parts, partBytes }), size)).equals(bytes.subarray(start)))
        assert.ok(most <= parts)
      },
    ),
    { seed: testSeed, numRuns: 60 },
  )
})

test('a source that fails, gives too little or too much is found out, and what is under way ends', async () => {
  const bytes = noise(10_000)
  const source = (pieces: (start: number, end: number) => AsyncGenerator<Uint8Array>): RangedSource => ({
    ...memory(bytes),
    read: async (start, end) => ({ rewindable: false, [Symbol.asyncIterator]: () => pieces(start, end) }),
  })
  const failing = source(async function* (start, end) {
    yield bytes.subarray(start, end - 10)
    if (start >= 3000) throw new Fault('denied', 'no more')
    yield bytes.subarray(end - 10, end)
  })
  let given = 0
  const reading = async (from: RangedSource) => {
    given = 0
    for await (const piece of readAhead(from, { start: 0, end: 10_000, partBytes: 1000 })) given += piece.byteLength
  }
  await faultOf(reading(failing), 'denied', /no more/)
  assert.equal(given, 3990)
  const short = source(async function* (start, end) {
    yield bytes.subarray(start, end - 1)
  })
  await faultOf(reading(short), 'unavailable', /gave 999 of the 1000 bytes/)
  const long = source(async function* (start, end) {
    yield bytes.subarray(start, end + 1)
  })
  await faultOf(reading(long), 'corrupt', /more than the 1000 bytes/)
})

test('whoever stops reading, or is stopped, stops what is under way', async () => {
  const signals: AbortSignal[] = []
  const endless: RangedSource = {
    name: 'endless',
    size: 1 << 30,
    async read(_start, _end, o) {
      signals.push(o!.signal!)
      const pieces = async function* () {
        for (;;) yield new Uint8Array(100)
      }
      return { rewindable: false, [Symbol.asyncIterator]: pieces }
    },
  }
  for await (const piece of readAhead(endless, { start: 0, end: 1 << 30, partBytes: 1 << 20 })) if (piece.byteLength > 0) break
  assert.ok(signals.length === 4 && signals.every((signal) => signal.aborted))
  const stopping = new AbortController()
  const work = (async () => {
    for await (const piece of readAhead(endless, { start: 0, end: 1 << 30, partBytes: 1 << 20, signal: stopping.signal }))
      if (piece.byteLength > 0) stopping.abort()
  })()
  await faultOf(work, 'aborted', /stopped/)
})

test('what a reader has when it leaves early stays, since a thread of it may still look', async () => {
  const bytes = noise(200_000)
  const reading = readAhead(memory(bytes), { start: 0, end: bytes.byteLength, parts: 2, partBytes: 100_000 })[Symbol.asyncIterator]()
  const { value: piece } = (await reading.next()) as { value: Uint8Array }
  assert.ok(piece.byteLength > 0)
  const had = Buffer.from(piece)
  await reading.return!()
  assert.ok(had.equals(piece))
})
