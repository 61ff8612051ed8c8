import { spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Fault, run, systemClock } from '../../src/kit/index.ts'
import { ensureDebianPackages } from './install.ts'
import { freePort, isReachable } from './ports.ts'

export interface Nginx {
  readonly url: string
  stop(): Promise<void>
}

/** Debian's nginx with what stands in its `http` block, of which `listen 80;` becomes a free port. Ends with this process. */
export async function startNginx(directory: string, http: string): Promise<Nginx> {
  await ensureDebianPackages(['nginx'])
  const port = await freePort()
  await mkdir(directory, { recursive: true })
  const at = (name: string) => path.join(directory, name)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${at(name)};`)
  await writeFile(
    at('nginx.conf'),
    [
      ...(process.getuid?.() === 0 ? ['user root;'] : []),
      'daemon off;',
      'worker_processes 1;',
      `pid ${at('pid')};`,
      `error_log ${at('error.log')};`,
      'events { worker_connections 64; }',
      `http { access_log ${at('access.log')}; ${temporary.join(' ')}`,
      http.replaceAll('listen 80;', `listen 127.0.0.1:${port};`),
      '}',
    ].join('\n'),
  )
  const tried = await run(['nginx', '-t', '-c', at('nginx.conf')])
  if (tried.status !== 0) throw new Fault('invalid', `nginx refuses its configuration:\n${tried.tail.join('\n')}`)
  const script = '"$@" & server=$!; read -r _; kill "$server" 2>/dev/null; wait "$server"'
  const child = spawn('sh', ['-c', script, 'sh', 'nginx', '-c', at('nginx.conf')], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async () => {
    child.stdin.end()
    await ended
  }
  for (let turn = 0; !(await isReachable(port)); turn++) {
    // A minute: a busy machine takes its time.
    if (turn === 1200) {
      await stop()
      throw new Fault('unavailable', `nginx did not start: ${await readFile(at('error.log'), 'utf8').catch(() => '')}`)
    }
    await systemClock.sleep(50)
  }
  return { url: `http://127.0.0.1:${port}`, stop }
}
