// Asks the browser for a passkey and hands the answer to the form's hidden field "value".
// A form says data-passkey="<where its options are>", and data-passkey-new to make a new one.
(function () {
  "use strict";

  function bytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (char) { return char.charCodeAt(0); });
  }
  function text(buffer) {
    var plain = String.fromCharCode.apply(null, new Uint8Array(buffer));
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function opened(options) {
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    ["allowCredentials", "excludeCredentials"].forEach(function (list) {
      (options[list] || []).forEach(function (each) { each.id = bytes(each.id); });
    });
    return options;
  }
  function packed(credential) {
    var answer = { clientDataJSON: text(credential.response.clientDataJSON) };
    ["attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (credential.response[name]) answer[name] = text(credential.response[name]);
    });
    return JSON.stringify({
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      response: answer,
      clientExtensionResults: credential.getClientExtensionResults()
    });
  }
  async function asked(form) {
    var answer = await fetch(form.dataset.passkey, {
      method: "POST",
      credentials: "same-origin",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: "{}"
    });
    if (!answer.ok) throw new Error("refused");
    var options = opened(await answer.json());
    var make = form.dataset.passkeyNew !== undefined;
    var found = make
      ? await navigator.credentials.create({ publicKey: options })
      : await navigator.credentials.get({ publicKey: options });
    form.querySelector("input[name=value]").value = packed(found);
    form.submit();
  }
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.dataset || !form.dataset.passkey) return;
    event.preventDefault();
    asked(form).catch(function () {
      var said = form.querySelector("[role=alert]");
      if (!said) {
        said = document.createElement("p");
        said.setAttribute("role", "alert");
        said.className = "field__msg field__msg--bad";
        form.appendChild(said);
      }
      said.textContent = form.dataset.passkeyFailed;
    });
  });
})();
