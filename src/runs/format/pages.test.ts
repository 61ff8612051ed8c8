import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, digestOf, isFault } from '../../kit/index.ts'
import { decodeActivePage, decodePackTable, decodeProjectPage, decodeRunPage, decodeShard, decodeTable } from './decode-page.ts'
import { encodeActivePage, encodePackTable, encodeProjectPage, encodeRunPage, encodeShard, encodeTable } from './encode-page.ts'
import type { RunPage } from './page.ts'

const a = digestOf('a')
const b = digestOf('b')

const page: RunPage = {
  project: 'vision',
  name: 'resnet',
  runId: '20250101_120000_abc123',
  status: 'finished',
  createdAt: 1_704_060_000_000,
  updatedAt: 1_704_067_000_123,
  tags: ['baseline', 'ü'],
  files: [
    { path: 'events.jsonl', size: 300, mtime: 1_704_067_000_123, digest: a, priority: 2, marks: [{ offset: 100, digest: b }] },
    { path: 'media/step 1.png', size: 0, mtime: -5, digest: b, priority: 0, marks: [] },
  ],
  unreadable: [['secret', 'permission denied']],
}

const rows = {
  shard: [{ name: 'n', runId: 'r', status: 's', createdAt: 1, updatedAt: 2, page: a, files: 3, bytes: 4 }],
  project: [{ shard: a, firstRunId: 'r', lastRunId: 's' }],
  table: [{ project: 'p', page: a, runs: 1, files: 2, bytes: 3 }],
  active: [{ project: 'p', name: 'n', runId: 'r', page: a }],
  packs: [{ name: a.slice(7), size: 100, indexOffset: 90, indexLength: 10, firstRevision: 1, lastRevision: 2 }],
}

const decoders = [
  decodeRunPage,
  (plain: Uint8Array, at: string) => decodeShard(plain, 'p', at),
  decodeProjectPage,
  decodeTable,
  decodeActivePage,
  decodePackTable,
]

describe('pages', () => {
  test('come back as they were', () => {
    assert.deepEqual(decodeRunPage(encodeRunPage(page), 'here'), page)
    assert.deepEqual(decodeShard(encodeShard(rows.shard), 'p', 'here'), rows.shard)
    assert.deepEqual(decodeProjectPage(encodeProjectPage(rows.project), 'here'), rows.project)
    assert.deepEqual(decodeTable(encodeTable(rows.table), 'here'), rows.table)
    assert.deepEqual(decodeActivePage(encodeActivePage(rows.active), 'here'), rows.active)
    assert.deepEqual(decodePackTable(encodePackTable(rows.packs), 'here'), rows.packs)
  })

  test('are canonical JSON', () => {
    const text = Buffer.from(encodeRunPage(page)).toString()
    assert.equal(text, canonicalJson(JSON.parse(text)))
  })

  const refused = (change: (page: Record<string, unknown>) => void) => {
    const json = JSON.parse(Buffer.from(encodeRunPage(page)).toString()) as Record<string, unknown>
    change(json)
    assert.throws(() => decodeRunPage(Buffer.from(JSON.stringify(json)), 'here'), { code: 'corrupt', at: 'here' })
  }

  test('with names that leave their folder are refused', () => {
    for (const name of ['..', '.', '', 'a/b', '/', 'a\0b', 'a\nb', '.~tmp', '\ud800', 'x'.repeat(256), 7, null]) {
      for (const member of ['project', 'name', 'run_id']) refused((json) => (json[member] = name))
    }
    for (const path of ['../x', '/etc/passwd', 'a/../../b', 'a//b', 'a/', './a', 'a/./b', '', 'x/'.repeat(600), 'a\u007f']) {
      refused((json) => (json['files'] = [[path, 1, 1, a, 0]]))
    }
  })

  test('with numbers, digests or orders that cannot be are refused', () => {
    for (const size of [-1, 1.5, 2 ** 53, '1', null]) refused((json) => (json['files'] = [['f', size, 1, a, 0]]))
    for (const digest of ['sha256:', a.toUpperCase(), a.slice(7), 1]) refused((json) => (json['files'] = [['f', 1, 1, digest, 0]]))
    refused(
      (json) =>
        (json['files'] = [
          ['f', 1, 1, a, 0],
          ['f', 1, 1, a, 0],
        ]),
    )
    refused(
      (json) =>
        (json['files'] = [
          ['g', 1, 1, a, 0],
          ['f', 1, 1, a, 0],
        ]),
    )
    refused((json) => (json['files'] = [['f', 9, 1, a, 0, [[9, a]]]]))
    refused(
      (json) =>
        (json['files'] = [
          [
            'f',
            9,
            1,
            a,
            0,
            [
              [5, a],
              [5, b],
            ],
          ],
        ]),
    )
    refused((json) => (json['files'] = [['f', 9, 1, a, 0, Array.from({ length: 9 }, (_, index) => [index + 1, a])]]))
    refused((json) => (json['tags'] = ['x'.repeat(5000)]))
    refused((json) => delete json['status'])
  })

  test('that are anything at all are read or refused as corrupt', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (plain) => {
          for (const decode of decoders) refusesOnly(() => decode(plain, 'here'))
        },
      ),
    )
  })

  test('with one value replaced by any other are read or refused as corrupt', () => {
    const originals = [
      encodeRunPage(page),
      encodeShard(rows.shard),
      encodeProjectPage(rows.project),
      encodeTable(rows.table),
      encodeActivePage(rows.active),
      encodePackTable(rows.packs),
    ]
    fc.assert(
      fc.property(fc.nat(5), fc.nat(), fc.jsonValue(), (which, where, value) => {
        let left = where
        const replaced = JSON.stringify(JSON.parse(Buffer.from(originals[which]!).toString()), (_key, item: unknown) =>
          left-- === 0 ? value : item,
        )
        refusesOnly(() => decoders[which]!(Buffer.from(replaced), 'here'))
      }),
      { numRuns: 500 },
    )
  })
})

function refusesOnly(decode: () => unknown): void {
  try {
    decode()
  } catch (error) {
    assert.ok(isFault(error, 'corrupt'), String(error))
  }
}
