import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, it } from 'node:test'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { type CutSizes, jsCutter } from './cut.ts'
import { gearTable } from './gear.ts'
import { wasmCutter } from './wasm.ts'

/** As `docs/formats.md` says it, byte by byte. */
function cutsBySpecification(bytes: Uint8Array, { min, average, max }: CutSizes): number[] {
  const gear = gearTable()
  const bits = Math.log2(average)
  const cuts: number[] = []
  for (let start = 0; start < bytes.length;) {
    const last = Math.min(start + max, bytes.length)
    let end = start + min
    let hashed = 0
    for (let found = end >= last; !found;) {
      hashed = ((hashed << 1) + gear[bytes[end]!]!) >>> 0
      const zeros = end < start + average ? bits + 2 : bits - 2
      end++
      found = hashed < 2 ** (32 - zeros) || end === last
    }
    start = Math.min(end, last)
    cuts.push(start)
  }
  return cuts
}

function cutsBy(make: typeof jsCutter, bytes: Uint8Array, sizes: CutSizes): number[] {
  const cutter = make(sizes, Math.max(1, bytes.length))
  cutter.bytes.set(bytes)
  const cuts: number[] = []
  for (let at = 0; at < bytes.length;) cuts.push((at = cutter.cut(at, bytes.length)))
  return cuts
}

function randomBytes(length: number, random: () => number): Uint8Array {
  return Uint8Array.from({ length }, () => random() * 256)
}

const small = { min: 64, average: 256, max: 1024 }
const usual = { min: 4096, average: 16384, max: 65536 }

/** The SHA-256 of `vector 0`, `vector 1` and so on in a row: data that any implementation can make. */
function vectorBytes(length: number): Uint8Array {
  return Buffer.concat(Array.from({ length: Math.ceil(length / 32) }, (_, index) => hash('sha256', `vector ${index}`, 'buffer'))).subarray(
    0,
    length,
  )
}

describe('cutting', () => {
  it('finds the same cuts in JavaScript and in WebAssembly as the specification', () => {
    const random = seededRandom(testSeed)
    for (let round = 0; round < 60; round++) {
      const length = Math.floor(random() * 20_000)
      const bytes = round % 3 === 0 ? new Uint8Array(length).fill(random() * 256) : randomBytes(length, random)
      const expected = cutsBySpecification(bytes, small)
      assert.deepEqual(cutsBy(jsCutter, bytes, small), expected, `seed ${testSeed}, round ${round}`)
      assert.deepEqual(cutsBy(wasmCutter, bytes, small), expected, `seed ${testSeed}, round ${round}`)
    }
    const large = randomBytes(3 << 20, random)
    assert.deepEqual(cutsBy(wasmCutter, large, usual), cutsBySpecification(large, usual), `seed ${testSeed}`)
  })

  it('finds the cuts of docs/formats.md', () => {
    const gear = gearTable()
    assert.deepEqual([gear[0]! >>> 0, gear[1]! >>> 0, gear[255]! >>> 0], [36_158_894, 3_239_488_577, 388_463_965])
    assert.equal(hash('sha256', vectorBytes(200_000)), '56ac1c03232774dba892dffd72877e91408d2a9d09f993da4d46b68a52a78def')
    assert.deepEqual(
      cutsBy(wasmCutter, vectorBytes(200_000), usual),
      [16_875, 36_666, 53_220, 69_735, 88_181, 106_937, 121_147, 130_931, 149_434, 172_560, 187_756, 200_000],
    )
    assert.deepEqual(cutsBy(wasmCutter, new Uint8Array(150_000), usual), [65_536, 131_072, 150_000])
  })

  it('keeps the sizes, and means what it says on average', () => {
    const cuts = cutsBy(wasmCutter, randomBytes(8 << 20, seededRandom(testSeed)), usual)
    const lengths = cuts.map((end, index) => end - (cuts[index - 1] ?? 0))
    assert.ok(
      lengths.slice(0, -1).every((length) => length >= usual.min && length <= usual.max),
      `seed ${testSeed}`,
    )
    const mean = (8 << 20) / cuts.length
    assert.ok(mean > usual.average * 0.8 && mean < usual.average * 1.4, `mean ${mean}, seed ${testSeed}`)
  })

  it('falls into step again behind a change', () => {
    const random = seededRandom(testSeed)
    const before = randomBytes(1 << 20, random)
    const after = Buffer.concat([before.subarray(0, 300_000), randomBytes(777, random), before.subarray(301_000)])
    const shift = after.length - before.length
    const cuts = new Set(cutsBy(wasmCutter, before, usual).map((cut) => (cut < 300_000 ? cut : cut + shift)))
    const different = cutsBy(wasmCutter, after, usual).filter((cut) => !cuts.has(cut))
    assert.ok(different.length <= 8, `${different.length} cuts differ, seed ${testSeed}`)
  })

  it('does not care how the stream is brought, if a whole chunk is there', () => {
    const random = seededRandom(testSeed)
    const bytes = randomBytes(400_000, random)
    const expected = cutsBySpecification(bytes, small)
    const cutter = wasmCutter(small, 8192)
    const cuts: number[] = []
    let [given, base, filled, start] = [0, 0, 0, 0]
    while (start + base < bytes.length) {
      const isEnd = given === bytes.length
      if (filled - start < small.max && !isEnd) {
        cutter.bytes.copyWithin(0, start, filled)
        base += start
        filled -= start
        start = 0
        const piece = bytes.subarray(given, given + Math.min(8192 - filled, 1 + Math.floor(random() * 5000)))
        cutter.bytes.set(piece, filled)
        given += piece.length
        filled += piece.length
        continue
      }
      start = cutter.cut(start, filled)
      cuts.push(base + start)
    }
    assert.deepEqual(cuts, expected, `seed ${testSeed}`)
  })
})
