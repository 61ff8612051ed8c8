import { collect, Fault, keepSecret, untilAborted } from '../../kit/index.ts'
import { type ImagesFlags, imagesSettings } from '../../config/index.ts'
import type { ImagesAccess, ImagesContext, ImagesSettings } from '../../images/index.ts'
import type { Call } from '../command.ts'
import { certificatesFrom } from './certificates.ts'
import type { GithubFlags, GitlabFlags, RegistryFlags } from './options.ts'

type Flags = GithubFlags & GitlabFlags & RegistryFlags

/** Configuration and flags wired together, and what the flags give of secrets. `more` are flags of one command. */
export async function imagesContext(
  call: Call<Flags>,
  more: ImagesFlags & Pick<ImagesAccess, 'isDockerLogin'> = {},
): Promise<ImagesContext> {
  const { isDockerLogin, ...flags } = more
  const settings = await chosenSettings(call, flags)
  const access = await accessFrom(call)
  if (isDockerLogin === true && access.registryPassword !== undefined)
    call.report({ kind: 'note', level: 'warning', text: 'with --skip-login the password that was given is not used' })
  const certificates = await certificatesFrom(call, call.options.tlsCa)
  return await (await call.wire()).images(settings, { ...access, isDockerLogin, certificates })
}

export async function chosenSettings(call: Call<Flags>, more: ImagesFlags = {}): Promise<ImagesSettings> {
  const { repo, workflow, branch, limit, gitlabHost, gitlabProject, registry, registryProject, registryUsername, plainHttp } = call.options
  const given = {
    repo,
    workflow,
    branch,
    limit,
    gitlabHost,
    gitlabProject,
    registry,
    registryProject,
    registryUsername,
    isPlain: plainHttp,
  }
  return await imagesSettings(await call.config(), { ...given, ...more }, { GH_HOST: call.host.env['GH_HOST'] })
}

/** The flags that give a secret, each with its form for standard input and its variable. */
const secrets = [
  { flag: 'ghToken', stdin: 'ghTokenStdin', name: '--gh-token', form: '--gh-token-stdin', variable: 'GH_TOKEN' },
  { flag: 'gitlabToken', stdin: 'gitlabTokenStdin', name: '--gitlab-token', form: '--gitlab-token-stdin', variable: 'GITLAB_TOKEN' },
  {
    flag: 'registryPassword',
    stdin: 'passwordStdin',
    name: '--registry-password',
    form: '--password-stdin',
    variable: 'GITLAB_REGISTRY_PASSWORD',
  },
] as const

async function accessFrom(call: Call<Flags>): Promise<ImagesAccess> {
  const { options, host, report, signal } = call
  const typed = secrets.filter(({ flag }) => options[flag] !== undefined)
  if (typed.length > 0) {
    const names = typed.map(({ name }) => name).join(', ')
    const better = typed.map(({ variable, form }) => `${variable} or ${form}`).join('; ')
    report({
      kind: 'note',
      level: 'warning',
      text: `a secret on the command line can be seen by others and stays in the shell's history (${names}): better use ${better}`,
    })
  }
  const piped = secrets.filter(({ stdin }) => options[stdin] === true)
  if (piped.length > 1) {
    throw new Fault('invalid', `only one secret can come from standard input, not ${piped.map(({ form }) => form).join(' and ')}`, {
      hint: `put the other into ${piped[1]!.variable}`,
    })
  }
  const [only] = piped
  const read = only === undefined ? undefined : await secretFrom(host.stdin.stream, only.form, signal)
  const given = (which: (typeof secrets)[number]['flag']) => (only?.flag === which ? read : options[which])
  return { githubToken: given('ghToken'), gitlabToken: given('gitlabToken'), registryPassword: given('registryPassword') }
}

const longestSecret = 64 << 10

/** All of standard input, without the end of its line. */
export async function secretFrom(stream: AsyncIterable<Uint8Array>, form: string, signal: AbortSignal): Promise<string> {
  const text = new TextDecoder().decode(await untilAborted(collect(stream, longestSecret, form), signal)).replace(/\r?\n$/, '')
  if (text === '' || /\p{Cc}/u.test(text)) {
    throw new Fault('invalid', `${form}: there is ${text === '' ? 'nothing' : 'more than one line'} on standard input`, {
      hint: `write the secret alone to it, such as: holdfast … ${form} <file`,
    })
  }
  keepSecret(text)
  return text
}
