import { byId } from './dom.ts'
import { Fleet } from './fleet.ts'
import { Lookup } from './lookup.ts'
import { showRecent } from './recent.ts'
import { enterToken, forgetToken, onToken, token } from './token.ts'
import { Uploads } from './uploads.ts'

const tokenButton = byId('token-button')
tokenButton.onclick = () => {
  if (token() === undefined) enterToken()
  else forgetToken()
}
onToken((has) => {
  tokenButton.textContent = has ? 'Forget token' : 'Enter token'
})

showRecent()
const fleet = new Fleet()
new Uploads(() => fleet.maxFileSize)
new Lookup()
