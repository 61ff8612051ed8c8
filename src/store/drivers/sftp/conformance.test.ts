import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { conformanceTests } from '../../../../test/conformance.ts'
import { findSshd } from '../../../../test/services/index.ts'
import { systemClock } from '../../../kit/index.ts'
import type { ObjectStore } from '../../store.ts'
import { createSftpStore } from './index.ts'

const found = await findSshd()

const skips = {
  'content type and cache control are kept': 'plain files have neither',
  'a key and keys below it live side by side': 'a file cannot be a directory',
  'a copy inside of the place holds the same bytes, also over another object, and lives on its own': 'nothing is copied on the server',
  'a copy of what is not there is not-found, and of another version than asked for is precondition': 'nothing is copied on the server',
  'a copy keeps the content type, or takes the one it is given': 'plain files have none',
  'odd keys can be copied from and to': 'nothing is copied on the server',
}

if ('server' in found) {
  const { server } = found
  const root = await mkdtemp(path.join(tmpdir(), 'holdfast-sftp-'))
  const open = async (): Promise<ObjectStore> =>
    createSftpStore({ ...server, path: root, clock: systemClock, durable: false, env: process.env })
  conformanceTests('the sftp store', open, {
    expectedSkips: skips,
    large: process.env['HOLDFAST_SOAK'] === '1',
    after: () => rm(root, { recursive: true }),
  })
} else test('the sftp store keeps the promises of a store', { skip: found.reason })
