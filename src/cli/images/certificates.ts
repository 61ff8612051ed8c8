import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { diskFault, Fault } from '../../kit/index.ts'
import type { Call } from '../command.ts'

/** What `--tls-ca` names, in PEM; undefined where it is not given. */
export async function certificatesFrom({ host }: Pick<Call<object>, 'host'>, tlsCa: string | undefined): Promise<string | undefined> {
  if (tlsCa === undefined) return undefined
  const file = path.resolve(host.cwd, tlsCa)
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw diskFault(error, file, 'read the certificates')
  })
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  throw new Fault('invalid', 'no certificate in PEM', { at: file, hint: 'it begins with -----BEGIN CERTIFICATE-----' })
}
