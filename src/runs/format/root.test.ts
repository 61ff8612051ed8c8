import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { digestOf, isFault } from '../../kit/index.ts'
import { encodeRoot, parseRoot, type Root } from './root.ts'

const root: Root = {
  revision: Number.MAX_SAFE_INTEGER,
  generated: 1_704_067_000_123,
  log: { name: 'pages-0123abcd', length: 1 << 30 },
  full: { counter: 2 ** 40, digest: digestOf('full') },
  active: { counter: 2 ** 40, digest: digestOf('active'), window: 3600 },
  packs: { digest: digestOf('packs') },
  newest: { name: digestOf('pack').slice(7), size: 2 ** 40, index: [2 ** 39, 2 ** 30] },
  totals: { runs: 10_000_000, files: 2 ** 40, bytes: 2 ** 52 },
}

describe('the root', () => {
  test('comes back as it was, and is below 1 KB', () => {
    const text = encodeRoot(root)
    assert.deepEqual(parseRoot(Buffer.from(text), 'here'), root)
    assert.ok(text.length < 1000)
    const { newest: _newest, ...without } = root
    assert.deepEqual(parseRoot(Buffer.from(encodeRoot(without)), 'here'), without)
  })

  test('of another format is unsupported, and says which', () => {
    const other = encodeRoot(root).replace('holdfast-runs/1', 'holdfast-runs/2')
    assert.throws(() => parseRoot(Buffer.from(other), 'here'), { code: 'unsupported', message: /holdfast-runs\/2/ })
  })

  test('that leads elsewhere or is too large is refused', () => {
    for (const change of [
      { log: { name: '../pages-0123abcd', length: 1 } },
      { log: { name: 'pages-0123abcd', length: (1 << 30) + 1 } },
      { newest: { name: '../../etc/passwd', size: 10, index: [1, 2] } },
      { newest: { ...root.newest, size: 10, index: [5, 6] } },
      { revision: -1 },
      { full: { counter: 1, digest: 'sha256:..' } },
    ]) {
      const text = JSON.stringify({ ...(JSON.parse(encodeRoot(root)) as object), ...change })
      assert.throws(() => parseRoot(Buffer.from(text), 'here'), { code: 'corrupt' })
    }
    assert.throws(() => parseRoot(Buffer.alloc(65_537), 'here'), { code: 'corrupt', message: /65536/ })
  })

  test('of any bytes is read or refused', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          try {
            parseRoot(bytes, 'here')
          } catch (error) {
            assert.ok(isFault(error, 'corrupt') || isFault(error, 'unsupported'), String(error))
          }
        },
      ),
    )
  })
})
