import assert from 'node:assert/strict'
import { globSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { loadConfig } from '../src/config/index.ts'
import { scratchDirectory } from './fakes/scratch.ts'

const root = path.resolve(import.meta.dirname, '..')
const scratch = scratchDirectory()

/** What pages that have nothing to show tell people to write. */
const hints = globSync('web/pages/**/*.tsx', { cwd: root }).flatMap((file) =>
  [...readFileSync(path.join(root, file), 'utf8').matchAll(/command=\{'(\[[^']+)'\}/g)].map((match) => ({
    file,
    text: match[1]!.replaceAll(String.raw`\n`, '\n'),
  })),
)

describe('what an empty page of the dashboard says to write into holdfast.toml', () => {
  it('is there for each capability', () => assert.ok(hints.length >= 6, String(hints.length)))

  for (const { file, text } of hints) {
    it(`is a configuration: ${path.basename(file)}`, async () => {
      const folder = mkdtempSync(path.join(scratch, 'hint-'))
      writeFileSync(path.join(folder, 'holdfast.toml'), text)
      await assert.doesNotReject(loadConfig({ cwd: folder, env: {} }))
    })
  }
})
