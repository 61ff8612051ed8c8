import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { conformanceTests } from '../../../../test/conformance.ts'
import { createFileStore } from './index.ts'

const root = await mkdtemp(path.join(tmpdir(), 'holdfast-file-'))

const expectedSkips = {
  'content type and cache control are kept': 'plain files have neither',
  'a key and keys below it live side by side': 'a file cannot be a directory',
  'a copy keeps the content type, or takes the one it is given': 'plain files have none',
}

conformanceTests('the file store', async () => createFileStore({ root, durable: false }), {
  expectedSkips,
  width: 8,
  large: process.env['HOLDFAST_SOAK'] === '1',
  after: () => rm(root, { recursive: true }),
})
