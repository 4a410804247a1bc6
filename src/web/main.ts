import { byId } from './dom.ts'
import { Lookup } from './file/lookup.ts'
import { FleetPanel } from './fleet/fleet-panel.ts'
import { enterToken, forgetToken, onToken, token } from './token.ts'
import { showRecent } from './upload/recent.ts'
import { Uploads } from './upload/uploads.ts'

const tokenButton = byId('token-button')
tokenButton.onclick = () => {
  if (token() === undefined) enterToken()
  else forgetToken()
}
onToken((has) => {
  tokenButton.textContent = has ? 'Forget token' : 'Enter token'
})

showRecent()
const fleet = new FleetPanel()
new Uploads(() => fleet.maxFileSize)
new Lookup()
