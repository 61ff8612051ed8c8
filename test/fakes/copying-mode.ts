import { existsSync, rmSync } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { Fault, run } from '../../src/kit/index.ts'
import type { Mode } from '../../src/environments/mode.ts'
import { layoutOf } from '../../src/environments/names.ts'

/** The simplest mode that keeps its promises: copies by the system's cp, in place. */
export function copyingMode(change: Partial<Mode> = {}): Mode {
  const copy = async (from: string, to: string) => {
    const { status, stderr } = await run(['cp', '-a', '-T', '--', from, to])
    if (status !== 0) throw new Fault('unavailable', stderr)
  }
  return {
    name: 'filesystem',
    swaps: false,
    createsBesideWriters: false,
    check: async () => undefined,
    async create({ live, snapshotsDir }, name) {
      const built = layoutOf(snapshotsDir).build(name)
      await copy(live, built)
      await rename(built, layoutOf(snapshotsDir).tree(name))
      return { stored: 1 }
    },
    async restore({ live, snapshotsDir }, name) {
      const tree = layoutOf(snapshotsDir).tree(name)
      if (!existsSync(tree)) throw new Fault('corrupt', `the tree of the snapshot ${name} is gone`, { at: tree })
      for (const entry of await readdir(live, { encoding: 'buffer' })) {
        rmSync(Buffer.concat([Buffer.from(`${live}/`), entry]), { recursive: true })
      }
      await copy(tree, live)
      return { written: 1 }
    },
    open: async ({ snapshotsDir }, name) => ({ path: path.join(snapshotsDir, name), close: async () => undefined }),
    delete: async ({ snapshotsDir }, name) => await rm(layoutOf(snapshotsDir).tree(name), { recursive: true, force: true }),
    recover: async () => ({ notes: [] }),
    inUse: async () => false,
    mounts: async () => [],
    detach: async () => undefined,
    ...change,
  }
}
