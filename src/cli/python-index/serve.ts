import { type Command, Option } from 'commander'
import { Fault } from '../../kit/index.ts'
import { indexResponder, openUpstream } from '../../python-index/index.ts'
import { answeredNames, forNames, listen } from '../../server/index.ts'
import { type Cli, parsedOption } from '../command.ts'
import { printable } from '../width.ts'
import { agreeIfProtected, environmentOption, indexContext, type IndexFlags } from './choose.ts'

interface ServeFlags extends IndexFlags {
  readonly host: string
  readonly port: number
  /** True: the environment's own upstream. */
  readonly pullThrough?: string | true
}

export function addServeCommand(index: Command, cli: Cli): void {
  cli.add<ServeFlags>(index, {
    name: 'serve',
    goesOn: true,
    summary: 'Serve the index over HTTP from its store and bucket, until it is stopped',
    more: 'Pages come in the form that each client asks for; files with ranges. For browsers there is a page with packages, versions and the line to copy.',
    options: [
      environmentOption(),
      new Option('--host <address>', 'where to listen').default('127.0.0.1', 'this machine alone'),
      parsedOption('--port <number>', 'the port; 0 takes one that is free', parsePort).default(8080),
      new Option(
        '--pull-through [url]',
        'packages that the index lacks entirely come from this simple index, or the configured upstream, and are kept',
      ),
    ],
    examples: [
      ['holdfast index serve', 'for this machine, on port 8080'],
      ['holdfast index serve --host 0.0.0.0 --port 80 --env nightly', 'for all that can reach it'],
    ],
    run: async (call) => {
      const { host, report, signal, screen, options } = call
      const context = await indexContext(call)
      const { pullThrough } = options
      const url = pullThrough === true ? context.environment.upstream : pullThrough
      const upstream = url === undefined ? undefined : openUpstream(await (await call.wire()).http(), url, await context.logins?.())
      if (upstream !== undefined) {
        await agreeIfProtected(call, context, async () => [
          `what clients ask for and it lacks comes from ${upstream.url}, and is kept in the bucket`,
        ])
        await context.prepareStore()
      }
      const handler = { respond: forNames(indexResponder(context, { upstream }), answeredNames(options.host, undefined)) }
      const listening = await listen({ handler, host: options.host, port: options.port, clock: host.clock, report, signal })
      const prefixes = context.environment.prefixes.map((prefix) => `  pip install --index-url ${listening.url}/${prefix}/ PACKAGE`)
      // One by one: a log has a line for each.
      for (const line of [`serving ${context.environment.bucket} at ${listening.url}/ (Ctrl-C ends it)`, ...prefixes])
        screen.say(printable(line))
      await listening.ended
      return { result: { url: listening.url }, text: 'ended' }
    },
  })
}

function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port < 65_536) return port
  throw new Fault('invalid', `not a port: ${JSON.stringify(text)}`, { hint: 'write a number from 0 to 65535' })
}
