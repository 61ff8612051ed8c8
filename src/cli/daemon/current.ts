import { type Config, loadConfig } from '../../config/index.ts'
import { explain } from '../../kit/index.ts'
import type { Call } from '../command.ts'
import { countText } from '../words.ts'
import { checkJobs } from './check-jobs.ts'
import type { Inside } from './in-process.ts'

/** The configuration as it counts now: SIGHUP has it read anew. */
export interface Current<T> extends Disposable {
  readonly config: () => Config
  /** What was made of it. */
  readonly made: () => T
}

type Asked = Pick<Call<object>, 'host' | 'report' | 'config'> & { readonly options: Pick<Call<object>['options'], 'store' | 'config'> }

/** A configuration that is not right changes nothing, and that is said. Until it is disposed no SIGHUP ends this process. */
export async function openCurrent<T>(call: Asked, inside: Inside, make: (config: Config) => T): Promise<Current<T>> {
  const { host, report, options } = call
  const note = (level: 'info' | 'warning', text: string) => report({ kind: 'note', level, text })
  let isAsked = false
  let onHangup = () => void (isAsked = true)
  const hear = () => onHangup()
  // As early as can be: one that comes before a process listens is its end.
  process.on('SIGHUP', hear)
  try {
    let config = await call.config()
    await checkJobs(config, host, inside)
    let made = make(config)
    const reload = async () => {
      try {
        const overrides = options.store === undefined ? [] : [{ key: 'store.url', value: options.store, flag: '--store' }]
        const next = await loadConfig({ cwd: host.cwd, env: host.env, file: options.config ?? config.file, overrides })
        await checkJobs(next, host, inside)
        made = make(next)
        if (next.queue !== config.queue) note('warning', 'the queue stays the one that it was until the next start')
        config = next
        note('info', `the configuration was read anew: ${countText(next.jobs.length, 'job')}`)
      } catch (error) {
        note('warning', `the configuration stays as it was: ${explain(error)}`)
      }
    }
    // One after another: what was read last counts.
    let last = isAsked ? reload() : Promise.resolve()
    onHangup = () => void (last = last.then(reload))
    await last
    return { config: () => config, made: () => made, [Symbol.dispose]: () => void process.off('SIGHUP', hear) }
  } catch (error) {
    process.off('SIGHUP', hear)
    throw error
  }
}
