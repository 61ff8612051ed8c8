import { render } from 'preact'
import { follow } from './api/live.ts'
import { App } from './shell/app.tsx'
import { startKeys } from './shell/keys.ts'
import { startNavigation } from './shell/place.ts'
import { startTheme } from './shell/theme.ts'

startTheme()
startNavigation()
startKeys()
render(<App />, document.querySelector('#app')!)
follow()
