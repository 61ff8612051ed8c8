import type { Config } from '../../config/index.ts'
import { isGood } from '../../daemon/index.ts'
import type { Call } from '../command.ts'
import { checkJobs } from '../daemon/check-jobs.ts'
import type { Inside } from '../daemon/in-process.ts'
import { openNotifiers } from '../notify/open.ts'
import { toldTargets, troubleLines } from '../notify/text.ts'
import { countText } from '../words.ts'
import { failed, type Finding } from './finding.ts'

const area = 'jobs'

/** Whether the jobs can run, their queue can be reached, and somebody works on it. */
export async function checkDaemon(call: Call<object>, config: Config, inside: Inside): Promise<Finding[]> {
  return [await checkLines(call, config, inside), ...checkTargets(call, config), ...(await checkQueue(call, config))]
}

/** Whether their secrets are there; nothing is sent. */
function checkTargets(call: Call<object>, config: Config): Finding[] {
  if (config.notify.length === 0) return []
  try {
    const notifiers = openNotifiers(call, config)
    return [{ area, about: 'notifications', level: 'ok', says: countText(notifiers.length, 'target') }]
  } catch (error) {
    return [failed(area, 'notifications', error)]
  }
}

async function checkLines({ host }: Call<object>, config: Config, inside: Inside): Promise<Finding> {
  try {
    await checkJobs(config, host, inside)
    return { area, about: 'commands', level: 'ok', says: countText(config.jobs.length, 'job') }
  } catch (error) {
    return failed(area, 'commands', error)
  }
}

async function checkQueue(call: Call<object>, { jobs, notify }: Config): Promise<Finding[]> {
  try {
    const queue = await (await call.wire()).queue()
    const [workers, { dead }, states] = [await queue.workers(), await queue.counts(), await queue.jobs()]
    const bad = states.filter(({ name, exit }) => exit !== undefined && !isGood(exit) && jobs.some((job) => job.name === name))
    const findings: Finding[] = [{ area, about: 'queue', level: 'ok', says: queue.name }]
    if (workers.length === 0 && jobs.length > 0)
      findings.push({
        area,
        about: 'daemon',
        level: 'warning',
        says: 'nobody works on the queue',
        fix: 'holdfast daemon, or holdfast systemd install',
      })
    for (const { name, exit, failures } of bad)
      findings.push({
        area,
        about: name,
        level: 'warning',
        says: `ended with ${exit}, ${countText(failures, 'time')} in a row`,
        fix: `holdfast jobs list --job ${name}`,
      })
    for (const says of troubleLines(toldTargets(notify, await queue.targets()), call.host.clock.now()))
      findings.push({ area, about: 'notifications', level: 'warning', says, fix: 'holdfast notify test' })
    if (dead > 0)
      findings.push({
        area,
        about: 'units',
        level: 'warning',
        says: `${countText(dead, 'unit')} failed every try`,
        fix: 'holdfast jobs list --state dead',
      })
    return findings
  } catch (error) {
    return [failed(area, 'queue', error)]
  }
}
