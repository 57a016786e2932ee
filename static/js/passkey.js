// Passkeys: <form data-passkey="login|get|create" data-options="JSON">. The browser's answer goes into its field
// "credential" as JSON; the form stays hidden where the browser has no passkeys (they need HTTPS or localhost).
(() => {
  "use strict";
  const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0)).buffer;
  const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const listed = (all) => (all ?? []).map((each) => ({ ...each, id: decode(each.id) }));

  async function create(options, passwordless) {
    const wanted = options.publicKey;
    const ask = { ...wanted, challenge: decode(wanted.challenge), user: { ...wanted.user, id: decode(wanted.user.id) }, excludeCredentials: listed(wanted.excludeCredentials) };
    ask.authenticatorSelection = { ...wanted.authenticatorSelection, residentKey: passwordless ? "required" : "discouraged", requireResidentKey: passwordless };
    if (passwordless) ask.authenticatorSelection.userVerification = "required";
    const made = await navigator.credentials.create({ publicKey: ask });
    return { ...common(made), response: { clientDataJSON: encode(made.response.clientDataJSON), attestationObject: encode(made.response.attestationObject), transports: made.response.getTransports?.() ?? [] } };
  }

  async function get(options) {
    const wanted = options.publicKey;
    const found = await navigator.credentials.get({ publicKey: { ...wanted, challenge: decode(wanted.challenge), allowCredentials: listed(wanted.allowCredentials) } });
    const { clientDataJSON, authenticatorData, signature, userHandle } = found.response;
    return { ...common(found), response: { clientDataJSON: encode(clientDataJSON), authenticatorData: encode(authenticatorData), signature: encode(signature), userHandle: userHandle ? encode(userHandle) : null } };
  }

  function common(credential) {
    return { id: credential.id, rawId: encode(credential.rawId), type: credential.type, clientExtensionResults: credential.getClientExtensionResults() };
  }

  async function asked(form) {
    if (form.dataset.passkey !== "login") return JSON.parse(form.dataset.options);
    const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.statusText);
    return (await answer.json()).request_options;
  }

  async function prove(form) {
    const way = form.dataset.passkey;
    const credential = way === "create" ? await create(await asked(form), form.elements.passwordless?.checked ?? false) : await get(await asked(form));
    form.elements.credential.value = JSON.stringify(credential);
    form.submit(); // no submit event: it would ask again
  }

  function say(form, error) {
    const line = form.querySelector(".error");
    const given = { NotAllowedError: "The browser was given no passkey, or the time was up.", InvalidStateError: "This key is registered already.", SecurityError: "Passkeys need HTTPS and a host name." };
    line.textContent = given[error.name] ?? "That did not work. Try again, or use another way.";
    line.hidden = false;
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("form[data-passkey]").forEach((form) => {
    if (!window.PublicKeyCredential) return;
    form.hidden = false;
    if (form.querySelector(".error").textContent.trim()) form.querySelector(".error").hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("[type=submit]");
      button.disabled = true;
      try { await prove(form); } catch (error) { say(form, error); }
      button.disabled = false;
    });
  }));
})();
