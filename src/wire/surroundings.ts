import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { homedir, hostname, userInfo } from 'node:os'
import path from 'node:path'
import type { Wire, WireOptions } from './wire.ts'

/** Where a project keeps its own on this machine. */
export type Folders = Pick<Wire, 'stateDir' | 'cacheRoot'>

export async function foldersOf({ config, env }: Pick<WireOptions, 'config' | 'env'>): Promise<Folders> {
  const root = await realpath(config.root).catch(() => config.root)
  return {
    stateDir: path.join(baseFolder(env, 'XDG_STATE_HOME', '.local/state'), 'holdfast', shortHash(root)),
    cacheRoot: path.join(baseFolder(env, 'XDG_CACHE_HOME', '.cache'), 'holdfast'),
  }
}

/** `ann@builder-3` */
export function whoIs(env: WireOptions['env']): string {
  return `${env['USER'] || env['LOGNAME'] || accountName()}@${hostname()}`
}

/** Without links, also where it is yet to be made. */
export async function realFolder(folder: string): Promise<string> {
  try {
    return await realpath(folder)
  } catch {
    const outer = path.dirname(folder)
    return outer === folder ? folder : path.join(await realFolder(outer), path.basename(folder))
  }
}

/** XDG Base Directory Specification: a relative path in the variable is ignored. */
function baseFolder(env: WireOptions['env'], variable: string, fallback: string): string {
  const value = env[variable]
  return value !== undefined && path.isAbsolute(value) ? value : path.join(env['HOME'] || homedir(), fallback)
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function accountName(): string {
  try {
    return userInfo().username
  } catch {
    // A container's number without an entry in the list of users.
    return 'unknown'
  }
}
