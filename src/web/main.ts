import { copyButton } from './copy.ts'
import { curlUpload } from './curl.ts'
import { byId } from './dom.ts'
import { Lookup } from './file/lookup.ts'
import { FleetPanel } from './fleet/fleet-panel.ts'
import { enterToken, forgetToken, onToken, token } from './token.ts'
import { showRecent } from './upload/recent.ts'
import { Uploads } from './upload/uploads.ts'

const tokenButton = byId('token-button')
// Kept: what a look-up shows takes its place.
const tryUpload = byId('try-upload')
tokenButton.onclick = () => {
  if (token() === undefined) enterToken()
  else forgetToken()
}
onToken(({ has, isNeeded }) => {
  tokenButton.hidden = !isNeeded
  tokenButton.textContent = has ? 'Forget token' : 'Enter token'
  tryUpload.textContent = curlUpload()
})
byId('try-copy').append(copyButton('Copy', curlUpload, 'Copy the command'))

showRecent()
const fleet = new FleetPanel()
const lookup = new Lookup(() => fleet.servers)
new Uploads(
  () => fleet.maxFileSize,
  (receipt) => lookup.stored(receipt),
)
