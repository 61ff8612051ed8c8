import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { findBrokenLinks, type Page } from './check/links.ts'

const root = path.resolve(import.meta.dirname, '..')
const pages = globSync(['README.md', 'CONTRIBUTING.md', 'docs/**/*.md'], { cwd: root })
  .toSorted()
  .map((file): Page => ({ file: file.replaceAll(path.sep, '/'), text: readFileSync(path.join(root, file), 'utf8') }))

test('every link of the documentation leads somewhere, and every page is reached from the README', () => {
  assert.deepEqual(
    findBrokenLinks(pages, 'README.md', (file) => existsSync(path.join(root, file))),
    [],
  )
})

describe('the link checker notices', () => {
  const broken = (readme: string, ...others: Page[]) =>
    findBrokenLinks([{ file: 'README.md', text: readme }, ...others], 'README.md', (file) => file === 'LICENSE')
  const guide: Page = { file: 'docs/guide.md', text: '# The `first` step\n\n[back](../README.md)\n\n## Twice\n## Twice\n' }

  test('nothing where all is well', () => {
    assert.deepEqual(
      broken('[a](docs/guide.md#the-first-step) [b](docs/guide.md#twice-1) [c](LICENSE) [d](https://example.com/x)', guide),
      [],
    )
  })

  test('a file and a heading that are not there, with their line', () => {
    assert.deepEqual(broken('one\n[a](docs/guide.md#none)\n[b](gone.md)\n', guide), [
      'README.md:2: docs/guide.md#none: docs/guide.md has no heading #none',
      'README.md:3: gone.md leads to gone.md, which is not there',
    ])
  })

  test('a page that no link leads to', () => {
    assert.deepEqual(broken('# Read me\n', guide), ['docs/guide.md:1: no link leads here from README.md'])
  })

  test('no link in code', () => {
    assert.deepEqual(broken('`[a](gone.md)`\n```\n[b](gone.md)\n```\n'), [])
  })
})
