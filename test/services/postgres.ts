import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after } from 'node:test'
import { isFault } from '../../src/kit/index.ts'
import { nobody } from '../fakes/nobody.ts'
import { ensureDebianPackages } from './install.ts'

/** A PostgreSQL server of Debian's package, that runs as `nobody` and listens on a socket only. */
export interface Postgres {
  /** The shell lines that hooks run. */
  readonly lines: { readonly start: string; readonly stop: string; readonly isReady: string }
  /** Where clients of its socket find it. */
  readonly url: string
  /** What a statement gives, in lines. */
  query(sql: string): string
  run(line: string): void
}

const versions = '/usr/lib/postgresql'

/** Why there is none here, or undefined. */
export async function whyNoPostgres(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'only root can run a server as another user'
  if (existsSync(versions)) return undefined
  try {
    await ensureDebianPackages(['postgresql'])
    return undefined
  } catch (error) {
    if (!isFault(error)) throw error
    return `${error.message} (${error.hint ?? ''})`
  }
}

let first: string | undefined

/** As little as a server can do with. */
const smallest = '-c shared_buffers=1MB -c max_connections=5 -c autovacuum=off'

/** Makes a new data directory and tells how it is served. `home` has to be reachable for everybody, and stay until the last one is made. */
export function createPostgres(home: string, data: string, sizes = smallest): Postgres {
  const bin = path.join(versions, readdirSync(versions).toSorted((one, other) => Number(other) - Number(one))[0]!, 'bin')
  // A socket's name has 107 bytes at most.
  const sockets = mkdtempSync(path.join(os.tmpdir(), 'pg-'))
  after(() => rmSync(sockets, { recursive: true, force: true }))
  const log = path.join(home, 'postgres.log')
  mkdirSync(data, { mode: 0o700 })
  for (const owned of [data, sockets, home]) chownSync(owned, nobody, nobody)
  const asNobody = `setpriv --reuid ${nobody} --regid ${nobody} --clear-groups`
  const settings = `-c listen_addresses= -c unix_socket_directories=${sockets} ${sizes}`
  const control = `${asNobody} '${bin}/pg_ctl' -D '${data}' -w -s`
  const server: Postgres = {
    url: `postgres:///postgres?host=${sockets}&user=owner`,
    lines: {
      start: `${control} -l '${log}' -o '${settings}' start`,
      stop: `${control} -m fast stop`,
      isReady: `'${bin}/pg_isready' -q -h '${sockets}'`,
    },
    query: (sql) => runHere([`${bin}/psql`, '-h', sockets, '-U', 'owner', '-d', 'postgres', '-Atqc', sql]),
    run: (line) => void runHere(['/bin/sh', '-c', line]),
  }
  // Further ones are copies, which takes a tenth of the time.
  if (first === undefined) {
    first = path.join(home, 'first')
    server.run(`${asNobody} '${bin}/initdb' -D '${first}' -U owner -A trust -E UTF8 --locale=C -N >/dev/null`)
  }
  server.run(`cp -a '${first}/.' '${data}'`)
  return server
}

function runHere([program, ...args]: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program!, args, { encoding: 'utf8', cwd: '/' })
  if (error !== undefined || status !== 0) throw new Error(`${program} ended with ${status}: ${stderr || String(error)}`)
  return stdout.trim()
}
