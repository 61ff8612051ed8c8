import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after } from 'node:test'
import { isFault } from '../../src/kit/index.ts'
import { ensureDebianPackages } from './install.ts'

/** A file system of its own, empty, in a file; taken away after the tests of the file that asked for it. */
export type Mounted = { readonly directory: string } | { readonly reason: string }

const makers = {
  /** With shared blocks (reflink). */
  xfs: { bytes: 1 << 30, command: ['mkfs.xfs', '-q', '-m', 'reflink=1'], package: 'xfsprogs' },
  /** With subvolumes too. */
  btrfs: { bytes: 512 << 20, command: ['mkfs.btrfs', '-q'], package: 'btrfs-progs' },
  /** 128-byte inodes: seconds of 32 bits, and little room for attributes. */
  'old-ext4': { bytes: 16 << 20, command: ['mkfs.ext4', '-q', '-F', '-I', '128'], package: 'e2fsprogs' },
} as const

/** Mounts through a free loop device, which goes with the mount. Where that cannot be, the reason to skip with. */
export async function mountImage(kind: keyof typeof makers): Promise<Mounted> {
  if (process.getuid?.() !== 0) return { reason: `only root may mount an image of ${kind}` }
  const { bytes, command, package: wanted } = makers[kind]
  try {
    await ensureDebianPackages([wanted])
  } catch (error) {
    if (!isFault(error)) throw error
    return { reason: `${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}` }
  }
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'holdfast-mount-'))
  const remove = () => rmSync(scratch, { recursive: true, force: true })
  const [image, directory] = [path.join(scratch, 'image'), path.join(scratch, 'mounted')]
  writeFileSync(image, '')
  truncateSync(image, bytes)
  mkdirSync(directory)
  const problem = failed([...command, image]) ?? failed(['mount', '-o', 'loop', image, directory])
  if (problem !== undefined) {
    remove()
    return { reason: problem }
  }
  after(() => {
    const trouble = failed(['umount', directory])
    if (trouble !== undefined) throw new Error(`the image is still mounted at ${directory}: ${trouble}`)
    remove()
  })
  return { directory }
}

function failed([program, ...args]: readonly string[]): string | undefined {
  const { error, status, stderr } = spawnSync(program!, args, { encoding: 'utf8' })
  if (error !== undefined) return `${program} cannot be started: ${error.message}`
  return status === 0 ? undefined : `${program} failed: ${stderr.trim()}`
}
