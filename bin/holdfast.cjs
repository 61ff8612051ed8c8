#!/usr/bin/env node
'use strict'
// Written for Node 12 and later, so that an old Node can start the right one: the package "node" in our dependencies.

var childProcess = require('child_process')
var fs = require('fs')
var os = require('os')
var path = require('path')
var url = require('url')

var needed = [24, 15]
var reexecuted = 'HOLDFAST_LAUNCHED_BY'
var exitUnsupported = 7

hideSecrets()
if (isNewEnough(process.versions.node)) runHere()
else runWithBundledNode()

/** Others see the arguments of a process (`ps`): those that hold a secret are written over, first of all. */
function hideSecrets() {
  var secret = /^--(gh-token|gitlab-token|registry-password)(=|$)/
  if (process.argv.some(secret.test, secret)) process.title = 'holdfast'
}

function isNewEnough(version) {
  var parts = version.split('.').map(Number)
  return parts[0] > needed[0] || (parts[0] === needed[0] && parts[1] >= needed[1])
}

function runHere() {
  delete process.env[reexecuted]
  rememberCompiled()
  // A checkout has sources, and perhaps an old build; the package has only the build.
  var sources = path.join(__dirname, '..', 'src', 'cli', 'main.ts')
  var main = fs.existsSync(sources) ? sources : path.join(__dirname, '..', 'dist', 'cli', 'main.js')
  // A rejection here is a fault of the start itself; the main module answers for everything after it.
  import(url.pathToFileURL(main).href).catch(function (error) {
    console.error(error)
    process.exitCode = 70
  })
}

/** Code that was compiled once is found in the cache folder: most of the time that a short command takes. Never in a folder that others can write to. */
function rememberCompiled() {
  var base = process.env.XDG_CACHE_HOME
  if (!base || !path.isAbsolute(base)) base = path.join(process.env.HOME || os.homedir(), '.cache')
  if (!process.env.NODE_COMPILE_CACHE) require('module').enableCompileCache(path.join(base, 'holdfast', 'compiled'))
}

function runWithBundledNode() {
  var binary = bundledNode()
  if (binary === undefined || process.env[reexecuted] !== undefined) return refuse()
  var env = Object.assign({}, process.env)
  env[reexecuted] = process.versions.node
  var child = childProcess.spawn(binary, [__filename].concat(process.argv.slice(2)), { stdio: 'inherit', env: env })
  // On a terminal Ctrl-C goes to the whole process group: the child has it already, and a second one would mean "at once".
  var onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  forEachSignal(function (signal) {
    process.on(signal, function () {
      if (!onTerminal || signal === 'SIGTERM') child.kill(signal)
    })
  })
  child.on('error', refuse)
  child.on('exit', function (status, signal) {
    if (signal === null) return process.exit(status)
    if (signal === 'SIGINT') return process.exit(130)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function forEachSignal(visit) {
  ;['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'].forEach(visit)
}

/** The path of the package's binary, or undefined where its install script did not run and a stub or nothing is there. */
function bundledNode() {
  try {
    var home = path.dirname(require.resolve('node/package.json'))
    var binary = path.join(home, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    return fs.statSync(binary).size > 1024 * 1024 ? binary : undefined
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND' || error.code === 'ENOENT') return undefined
    throw error
  }
}

function refuse() {
  console.error(
    [
      'holdfast needs Node ' +
        needed.join('.') +
        ' or later; this is Node ' +
        process.versions.node +
        ', and the Node that comes with holdfast is not installed',
      '  because: npm did not run the install script of the package "node" (--ignore-scripts, or npm holds scripts back)',
      '  next: where holdfast is installed, run `npm install-scripts approve node` (npm 11 and later), then `npm rebuild node --ignore-scripts=false`;',
      '        or use Node ' + needed[0] + ' (https://nodejs.org)',
    ].join('\n'),
  )
  process.exitCode = exitUnsupported
}
