import { type Command, Option } from 'commander'
import { type CdnForm, describeCdn } from '../../python-index/index.ts'
import type { Cli } from '../command.ts'
import { chosenEnvironment, environmentOption, type IndexFlags } from './choose.ts'

export function addCdnCommand(index: Command, cli: Cli): void {
  cli.add<IndexFlags & { readonly for: CdnForm }>(index, {
    name: 'cdn',
    summary: 'Print the rules for a CDN in front of the bucket: cache headers, page forms, what to purge',
    options: [
      environmentOption(),
      new Option('--for <server>', 'rules for people, or the configuration of a server')
        .choices(['rules', 'nginx', 'cloudfront'])
        .default('rules'),
    ],
    examples: [
      ['holdfast index cdn', 'the rules'],
      ['holdfast index cdn --for nginx', 'a server block to paste'],
    ],
    run: async (call) => {
      const environment = await chosenEnvironment(call)
      const text = describeCdn(environment, call.options.for)
      return { result: { environment: environment.name, for: call.options.for, text }, text: text.trimEnd() }
    },
  })
}
