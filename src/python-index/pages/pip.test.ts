import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { describe, it } from 'node:test'
import { projectRecord, publishedFile } from '../../../test/fakes/index-records.ts'
import { digestOf, hexOf } from '../../kit/index.ts'
import type { ProjectRecord } from '../records/project.ts'
import { projectPages } from './page.ts'

const script = path.resolve(import.meta.dirname, '../../../test/fakes/pip_links.py')
const folder = 'https://wheels.example.com/v2/gfx94X-dcgpu/'

interface Link {
  readonly filename: string
  readonly url: string
  readonly hash: readonly [string | null, string | null]
  readonly requires: string | null
  readonly yanked: string | null
  readonly metadata: readonly [string, string] | null
}

interface Answer {
  readonly version: string
  /** Of each page. */
  readonly links: readonly (readonly Link[])[]
}

const records: readonly ProjectRecord[] = [
  projectRecord('demo', [
    publishedFile('demo-1.0.tar.gz'),
    publishedFile('demo-1.0+rocm6.4-cp311-cp311-manylinux_2_28_x86_64.whl', {
      metadata: digestOf('METADATA'),
      requiresPython: '>=3.9,<3.14',
    }),
    publishedFile('demo-2.0-1-py2.py3-none-any.whl', { yanked: '' }),
    publishedFile('demo-3!2.0-py3-none-any.whl', { yanked: '<b>no</b> & "never" \'again\'\n', digest: undefined }),
    publishedFile('demo-4.0-py3-none-any.whl', { metadata: digestOf('other'), requiresPython: '!=3.0.*,>"2"', yanked: '&lt;' }),
  ]),
  projectRecord('gone', [publishedFile('gone-1.0.tar.gz')], { status: { status: 'quarantined' } }),
  projectRecord('old', [publishedFile('old-1.0.tar.gz')], { status: { status: 'deprecated', reason: '"><a href="evil-1.0.tar.gz">' } }),
]

/** What any pip should find, but for metadata, which not every one looks for in both forms. */
function expectedLinks({ files, status }: ProjectRecord): Omit<Link, 'metadata'>[] {
  if (status.status === 'quarantined') return []
  return files.map(({ name, digest, requiresPython, yanked }) => ({
    filename: name,
    url: folder + name.replaceAll('+', '%2B').replaceAll('!', '%21'),
    hash: digest === undefined ? [null, null] : ['sha256', hexOf(digest)],
    requires: requiresPython ?? null,
    yanked: yanked?.replace('\n', ' ') ?? null,
  }))
}

function expectedMetadata({ files, status }: ProjectRecord): Link['metadata'][] {
  if (status.status === 'quarantined') return []
  return files.map(({ name, metadata }) =>
    metadata === undefined ? null : [`${folder}${name.replaceAll('+', '%2B')}.metadata`, hexOf(metadata)],
  )
}

function answersOfPips(): Answer[] | undefined {
  const pages = records.flatMap((record) =>
    projectPages('v2/gfx94X-dcgpu', record, { urls: [] }).map(({ bytes, contentType }) => ({
      content: Buffer.from(bytes).toString(),
      type: contentType,
      url: `${folder}${record.name}/`,
    })),
  )
  const { status, stdout, stderr, error } = spawnSync('python3', [script], { encoding: 'utf8', input: JSON.stringify(pages) })
  if (error !== undefined) return undefined
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout) as Answer[]
}

describe('the pages of a project, read by pip', () => {
  it('give the same links in both forms, with their hashes, metadata, yanks and Pythons', (t) => {
    const answers = answersOfPips()
    if (answers === undefined || answers.length === 0) return t.skip('no pip is here: apt-get install -y python3 python3-pip-whl')
    for (const { version, links } of answers) {
      records.forEach((record, at) => {
        const [html, json] = links.slice(2 * at)
        for (const found of [html!, json!]) {
          const plain = found.map(({ metadata: _, ...link }) => link)
          assert.deepEqual(plain, expectedLinks(record), `pip ${version}, ${record.name}`)
        }
        const metadata = html!.map((link) => link.metadata)
        assert.deepEqual(metadata, expectedMetadata(record), `pip ${version}, ${record.name}`)
        // Before 23.2 pip knows no metadata in the JSON form.
        const isOld = Number.parseFloat(version) < 23.2
        assert.deepEqual(
          json!.map((link) => link.metadata),
          isOld ? metadata.map(() => null) : metadata,
          `pip ${version}, ${record.name}`,
        )
      })
    }
  })
})
