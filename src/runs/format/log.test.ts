import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { digestOf, isFault } from '../../kit/index.ts'
import { toFrame } from './frame.ts'
import { maxPageBytes } from './limits.ts'
import { createLogReader, encodeRecord, openPage, recordHeadBytes } from './log.ts'

const pages = ['one', 'two '.repeat(1000), ''].map((text) => Buffer.from(text))
const log = Buffer.concat([encodeRecord('run', pages[0]!), encodeRecord('table', pages[1]!), encodeRecord('packs', pages[2]!)])

describe('the log of pages', () => {
  test('gives its pages back in whatever pieces it comes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: log.byteLength }), { maxLength: 8 }), (cuts) => {
        const reader = createLogReader('here')
        const ends = [...cuts, log.byteLength].sort((a, b) => a - b)
        const records = ends.flatMap((end, index) => reader.push(log.subarray(ends[index - 1] ?? 0, end)))
        reader.end()
        assert.equal(reader.position, log.byteLength)
        assert.deepEqual(
          records.map(({ kind }) => kind),
          ['run', 'table', 'packs'],
        )
        records.forEach((record, index) => {
          assert.equal(record.digest, digestOf(pages[index]!))
          assert.deepEqual(Buffer.from(openPage(record, 'here')), pages[index])
        })
      }),
    )
  })

  test('that ends within a record says where', () => {
    const reader = createLogReader('here', 100)
    reader.push(log.subarray(0, log.byteLength - 1))
    assert.throws(() => reader.end(), { code: 'corrupt', message: new RegExp(`at ${reader.position}`) })
  })

  test('with a page that is not its digest, or is larger than its limit, is refused', () => {
    const record = createLogReader('here').push(encodeRecord('run', pages[1]!))[0]!
    assert.throws(() => openPage({ ...record, digest: digestOf('other') }, 'here'), { code: 'corrupt' })
    const bomb = toFrame(Buffer.alloc(maxPageBytes + 1))
    assert.ok(bomb.byteLength < 100_000)
    assert.throws(() => openPage({ digest: record.digest, frame: bomb }, 'here'), { code: 'corrupt', message: /67108864 bytes or less/ })
  })

  test('of any bytes is read or refused as corrupt', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0, maxLength: 4 * recordHeadBytes }),
        fc.nat(log.byteLength - 1),
        fc.nat(255),
        (noise, where, byte) => {
          const changed = Buffer.from(log)
          changed[where] = byte
          for (const bytes of [noise, changed]) {
            try {
              const reader = createLogReader('here')
              for (const record of reader.push(bytes)) openPage(record, 'here')
              reader.end()
            } catch (error) {
              assert.ok(isFault(error, 'corrupt'), String(error))
            }
          }
        },
      ),
    )
  })
})
