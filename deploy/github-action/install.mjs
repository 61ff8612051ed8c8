// Installs the package into a folder of this job, once, and puts `holdfast` on the path of all later steps.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { annotate, giveOutput, givePath, unheard } from './speak.mjs'

const home = path.join(process.env.RUNNER_TEMP, 'holdfast')
const bin = path.join(home, 'node_modules/.bin')

process.exitCode = await main(process.env.INPUT_PACKAGE.trim())

async function main(wanted) {
  if (!/^[\w@./~^:+\\][^\n\r]*$/.test(wanted)) return refuse(`not a package: ${JSON.stringify(wanted)}`)
  const isFile = existsSync(wanted) && statSync(wanted).isFile()
  const spec = isFile ? realpathSync(wanted) : wanted
  if (!isFile && !/^https:|@\d/.test(wanted)) {
    return refuse(`${wanted} is neither a file, nor an https URL, nor a package with its version`)
  }
  const mark = path.join(home, 'installed')
  const made = isFile ? `${spec} ${statSync(spec).mtimeMs}` : spec
  const isThere = existsSync(mark) && readFileSync(mark, 'utf8') === made
  if (!isThere && (await unheard(() => install(spec))) !== 0) return refuse(`npm could not install ${wanted}`)
  const { status, stdout, stderr } = spawnSync(path.join(bin, 'holdfast'), ['--version'], { encoding: 'utf8', shell: false })
  if (status !== 0) return refuse(`${wanted} has no holdfast that starts: ${stderr}`)
  writeFileSync(mark, made)
  givePath(bin)
  giveOutput('version', stdout.trim())
  console.log(`holdfast ${stdout.trim()}`)
  return 0
}

function install(spec) {
  mkdirSync(home, { recursive: true })
  // The package "node" brings the Node that holdfast needs, by its install script; no other script is let run by npm 11 and later.
  writeFileSync(path.join(home, 'package.json'), '{ "private": true, "allowScripts": { "node": true } }\n')
  const words = ['install', '--prefix', home, '--no-save', '--omit=dev', '--no-audit', '--no-fund', '--', spec]
  const { status, error } = spawnSync('npm', words, { cwd: home, stdio: ['ignore', 1, 1], env: ofNpm(process.env) })
  if (error !== undefined) console.log(`npm: ${error.message}`)
  return status
}

/** Install scripts are other people's code: no credential of the job is handed to them. */
function ofNpm(env) {
  const kept =
    /^(PATH|HOME|USER|TMPDIR|TEMP|TMP|LANG|LC_\w+|HTTPS?_PROXY|NO_PROXY|SSL_CERT_FILE|NODE_EXTRA_CA_CERTS|NODE_AUTH_TOKEN|NPM_CONFIG_\w+)$/i
  return Object.fromEntries(Object.entries(env).filter(([name]) => kept.test(name)))
}

function refuse(why) {
  annotate(why, { title: 'holdfast is not installed' })
  return 1
}
