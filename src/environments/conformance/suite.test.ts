import assert from 'node:assert/strict'
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { copyingMode } from '../../../test/fakes/copying-mode.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { systemClock } from '../../kit/index.ts'
import type { Mode } from '../mode.ts'
import { modeCases, runModeCase } from './index.ts'

const folder = scratchDirectory()
const right = copyingMode()

const suiteOf = (mode: Mode) => ({
  mode: 'filesystem' as const,
  modes: async () => mode,
  folder,
  env: process.env,
  clock: systemClock,
  random: seededRandom(testSeed),
})

async function firstFailure(mode: Mode): Promise<string | undefined> {
  for (const each of modeCases) {
    const { outcome, name } = await runModeCase(each, suiteOf(mode))
    if (outcome === 'failed') return name
  }
  return undefined
}

describe('the conformance suite lets a mode pass that copies', () => {
  for (const each of modeCases) {
    test(each.name, async () => {
      const { outcome, error } = await runModeCase(each, suiteOf(right))
      if (outcome === 'failed') throw new Error(`failed with HOLDFAST_TEST_SEED=${testSeed}`, { cause: error })
    })
  }
})

/** Modes that break one promise each. */
const broken: Record<string, Partial<Mode>> = {
  'the snapshot is the live directory itself': { create: async () => ({}), restore: async () => ({ written: 0 }) },
  'a restore leaves what is new': {
    async restore(place, name, options) {
      const keep = path.join(place.live, 'new/n0')
      const content = existsSync(keep) ? readFileSync(keep) : undefined
      const given = await right.restore(place, name, options)
      if (content !== undefined) writeFileSync(path.join(place.live, 'n0'), content)
      return given
    },
  },
  'a mode bit is lost': {
    async restore(place, name, options) {
      const given = await right.restore(place, name, options)
      chmodSync(path.join(place.live, 'node-2/tool'), 0o755)
      return given
    },
  },
  'a create leaves a trace in the live directory': {
    async create(place, name) {
      const kept = await right.create(place, name)
      writeFileSync(path.join(place.live, 'trace'), '')
      return kept
    },
  },
  'a delete takes more than one snapshot': {
    async delete(place) {
      for (const name of ['one', 'two']) rmSync(path.join(place.snapshotsDir, name), { recursive: true, force: true })
    },
  },
}

describe('the conformance suite finds a mode that breaks a promise', () => {
  for (const [name, change] of Object.entries(broken)) {
    test(name, async () => assert.notEqual(await firstFailure({ ...right, ...change }), undefined))
  }
})
