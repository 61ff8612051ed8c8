import { homedir } from 'node:os'
import path from 'node:path'
import { Fault, readSmallFile } from '../kit/index.ts'
import type { Login } from '../python-index/index.ts'
import type { WireOptions } from './wire.ts'

const netrcLimit = 1 << 20

/** Of the file that `NETRC` names, else of `.netrc` in the home folder, which may be missing. */
export async function netrcLogins(env: WireOptions['env']): Promise<Login[]> {
  const { parseNetrc } = await import('../python-index/index.ts')
  const named = env['NETRC']
  const file = named || path.join(env['HOME'] || homedir(), '.netrc')
  const text = await readSmallFile(file, netrcLimit)
  if (text === undefined && named) throw new Fault('not-found', 'there is no such .netrc', { at: file, hint: 'NETRC names it' })
  return text === undefined ? [] : parseNetrc(text)
}
