import { mkdirSync, mkdtempSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { silent, systemClock } from '../../src/kit/index.ts'
import type { ModeSettings, Place } from '../../src/environments/mode.ts'

/** A place for one mode: an empty live directory and no snapshots yet, in a new folder of `inside`. */
export function modePlace(settings: Partial<ModeSettings> = {}, inside: string = os.tmpdir()): Place & { readonly folder: string } {
  const folder = mkdtempSync(path.join(inside, 'holdfast-mode-'))
  const [live, snapshotsDir] = [path.join(folder, 'live'), path.join(folder, '.live.snapshots')]
  mkdirSync(live)
  mkdirSync(path.join(snapshotsDir, '.holdfast'), { recursive: true })
  return {
    folder,
    live,
    snapshotsDir,
    settings: { squashfsCompression: 'none', copier: 'rsync', volume: { fileSystem: 'btrfs' }, preserve: [], ...settings },
    clock: systemClock,
    random: Math.random,
    report: silent,
  }
}
