/* What HTML cannot do by itself. Everything here is a convenience: without it links are followed and forms are posted. */
"use strict";
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const secrets = new Map(); // dialog -> {token, line, shown, copied, warned}; the only place that holds a masked token
  const bornWithPage = new WeakSet(); // dialogs that came with a whole page: closing one follows its form
  let opener = null; // what gets the focus when the dialog closes

  // ---- telling people ----

  function say(text) {
    const live = find("#live");
    live.textContent = "";
    requestAnimationFrame(() => { live.textContent = text; });
  }

  /** Show a fault where it can be seen and heard: inside the open dialog, for all behind it is inert. */
  function complain(text) {
    const inside = find("dialog:modal [data-status]");
    const place = inside ?? find("#status");
    place.textContent = text;
    place.hidden = false;
  }

  function calm() {
    find("#status").textContent = "";
    for (const place of all("[data-status]")) place.hidden = true;
  }

  // ---- dialogs ----

  function openDialogs() {
    for (const dialog of all("#dialog dialog, #panel dialog")) {
      if (dialog.matches(":modal")) continue;
      if (dialog.open) bornWithPage.add(dialog);
      dialog.removeAttribute("open");
      find(".app").inert = false;
      guard(dialog);
      dialog.showModal();
      find("[aria-invalid=true]", dialog)?.focus();
    }
  }

  function closeForm(dialog) {
    return find("form[method=get]", dialog);
  }

  /** Answer whether a dialog may close now; an uncopied token is worth one question. */
  function mayClose(dialog) {
    const secret = secrets.get(dialog);
    if (!secret || secret.copied || secret.warned) return true;
    secret.warned = true;
    find("[data-unsaved]", dialog).hidden = false;
    find("[data-copy=token]", dialog).focus();
    return false;
  }

  function onCloseButton(event, button) {
    const dialog = button.closest("dialog");
    if (!mayClose(dialog)) return event.preventDefault();
    if (bornWithPage.has(dialog)) return; // its form leads back to the list
    event.preventDefault();
    wipe(dialog); // now: the close event comes later
    dialog.close();
  }

  function onClosed(dialog) {
    const address = bornWithPage.has(dialog) && closeForm(dialog).action;
    const stale = find("#arrival .notice", dialog) && closeForm(dialog).action; // what came in meanwhile is news to it, too
    wipe(dialog);
    dialog.remove();
    if (address) location.assign(address);
    else (opener?.isConnected ? opener : find("[data-heading]"))?.focus();
    opener = null;
    if (stale && !address) htmx.ajax("GET", stale, { target: "#panel" });
  }

  // ---- the token that is shown once ----

  function guard(dialog) {
    const field = find("[data-token]", dialog);
    if (!field) return;
    secrets.set(dialog, { token: field.value, line: find("[data-line]", dialog).textContent });
    for (const each of all("[data-scripted], [data-unscripted]", dialog)) each.hidden = "unscripted" in each.dataset;
    paint(dialog);
    field.addEventListener("copy", () => { const it = secrets.get(dialog); it.copied ||= it.shown; });
  }

  /** Write the token, or what stands for it, into the dialog. */
  function paint(dialog) {
    const { token, line, shown } = secrets.get(dialog);
    const masked = shown ? token : "pulse_" + "•".repeat(token.length - 14) + token.slice(-8); // as long, so that nothing moves
    const field = find("[data-token]", dialog);
    field.value = field.textContent = masked;
    find("[data-line]", dialog).textContent = line.replace(token, masked);
    find("[data-show]", dialog).textContent = shown ? "Hide" : "Show";
  }

  function wipe(dialog) {
    if (!secrets.delete(dialog)) return;
    for (const each of all("[data-token], [data-line]", dialog)) each.value = each.textContent = "";
  }

  async function copy(button) {
    const secret = secrets.get(button.closest("dialog"));
    if (!secret) return copyField(button, document.getElementById(button.dataset.copy));
    const done = await write(button.dataset.copy === "line" ? secret.line : secret.token, button);
    if (!done) return complain("Your browser blocked copying. Choose Show, select the token, then copy it.");
    secret.copied = true;
    find("[data-unsaved]", button.closest("dialog")).hidden = true;
    find("[data-label]", button).textContent = "Copied";
    say("Copied");
  }

  async function copyField(button, field) {
    if (!(await write(field.value ?? field.textContent, button))) return getSelection().selectAllChildren(field), field.select?.();
    find("[data-label]", button).textContent = "Copied";
    say("Copied");
  }

  /** Put text on the clipboard; on plain HTTP browsers offer only the old way. */
  async function write(text, near) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      near.after(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      near.focus();
      return done;
    }
  }

  // ---- menus ----

  function onMenuKey(event, menu) {
    const items = all("[role=menuitem]", menu);
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Tab") return menu.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    items.at(to % items.length).focus();
  }

  /** Open it here rather than by the button's own doing: the focus must be inside before the next key comes. */
  function openMenu(event, button) {
    const menu = button.popoverTargetElement;
    event.preventDefault();
    if (event.type === "click" && menu.matches(":popover-open")) return menu.hidePopover();
    if (!menu.matches(":popover-open")) menu.showPopover({ source: button });
    find("[role=menuitem]", menu).focus();
  }

  function invoker(popover) {
    return find(`[popovertarget="${popover.id}"]`);
  }

  // ---- tabs ----

  /** Scroll a row of tabs, where they do not all fit, so far that the present one shows. */
  function showTab() {
    const tab = find(".tabs [aria-current]");
    if (!tab) return;
    const [row, at] = [tab.parentElement.getBoundingClientRect(), tab.getBoundingClientRect()];
    tab.parentElement.scrollLeft += at.left + at.width / 2 - (row.left + row.width / 2);
  }

  // ---- events ----

  document.addEventListener("click", (event) => {
    const hit = (selector) => event.target.closest?.(selector);
    const link = hit('[hx-target="#dialog"]');
    if (link) opener = link.closest("[popover]") ? invoker(link.closest("[popover]")) : link;
    if (hit("[aria-haspopup=menu]")) openMenu(event, hit("[aria-haspopup=menu]"));
    if (hit("dialog [data-close]")) onCloseButton(event, hit("[data-close]"));
    if (hit("[data-copy]")) copy(hit("[data-copy]"));
    if (hit("[data-show]")) {
      const dialog = hit("dialog");
      secrets.get(dialog).shown = !secrets.get(dialog).shown;
      paint(dialog);
    }
  }, true);

  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("[role=menu]");
    if (menu) return onMenuKey(event, menu);
    const button = event.target.closest?.("[aria-haspopup=menu]");
    if (button && event.key === "ArrowDown") openMenu(event, button);
    if (event.key === "Escape") for (const each of all(".tipped:is(:hover, :focus)")) each.classList.add("hushed");
  });

  for (const left of ["pointerout", "focusout"])
    document.addEventListener(left, (event) => event.target.closest?.(".tipped")?.classList.remove("hushed"));

  document.addEventListener("cancel", (event) => {
    if (!event.target.matches("dialog")) return;
    if (mayClose(event.target)) wipe(event.target);
    else event.preventDefault();
  }, true);

  // What was wrong with a field is not said of what stands there now.
  document.addEventListener("input", ({ target }) => {
    const field = target.closest("[aria-invalid=true]") && target.closest(".field");
    if (!field) return;
    for (const each of all("[aria-invalid]", field)) each.removeAttribute("aria-invalid");
    find(".error", field)?.remove();
  });

  document.addEventListener("close", (event) => {
    if (event.target.matches("dialog")) onClosed(event.target);
  }, true);

  for (const each of all("main [data-copy][data-scripted]")) each.hidden = false;

  // Neither the back-forward cache nor a restored tab may hold a token.
  addEventListener("pagehide", () => {
    for (const dialog of [...secrets.keys()]) {
      wipe(dialog);
      dialog.remove();
    }
  });

  matchMedia("(min-width: 48rem)").addEventListener("change", () => {
    const menu = find("#menu");
    if (menu?.matches(":popover-open")) menu.hidePopover();
  });

  // ---- htmx ----

  /** What asks by itself, again and again, neither clears what people were told nor complains. */
  const quiet = (ctx) => ctx.sourceElement?.matches("[data-quiet]");

  document.addEventListener("htmx:before:request", (event) => {
    if (!quiet(event.detail.ctx)) return calm();
    if (document.hidden) event.preventDefault(); // nobody looks
  });

  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (ctx.swap === "none") return;
    const into = typeof ctx.target === "string" ? ctx.target.slice(1) : ctx.target?.id;
    if (into === "panel") find("#dialog").replaceChildren();
    openDialogs();
    if (into === "arrival") find("#arrival .notice")?.scrollIntoView({ block: "nearest" });
    if (into === "panel") showTab(), settle(ctx.request.submitter);
  });

  /** After a new panel: say what happened, and leave the focus at a place that still exists. */
  function settle(pressed) {
    const news = all("#panel [data-flash]").map((each) => each.textContent.trim()).join(" ");
    if (news) say(news);
    if (find("dialog:modal") || document.activeElement !== document.body) return;
    const again = pressed?.id && document.getElementById(pressed.id);
    (find("#panel [aria-invalid=true]") ?? (again || find("#panel [data-heading]")))?.focus();
  }

  const REASONS = {
    403: "You are not allowed to do that.",
    404: "That no longer exists. Reload the page to see the current state.",
    429: "Too many attempts. Wait a moment, then try again.",
  };

  document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
    if (quiet(ctx)) return void (ctx.swap = "none");
    const status = ctx.response.status;
    const said = find("[data-error]", new DOMParser().parseFromString(ctx.text, "text/html"))?.textContent.trim();
    if (!said && (status === 422 || status === 409)) return; // a refused form, which comes back filled in
    ctx.swap = "none";
    ctx.push = ctx.replace = "false";
    complain(said || REASONS[status] || "Pulse could not do that just now. Try again in a moment.");
  });

  document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
    if (!ctx || !quiet(ctx)) complain("Pulse did not respond. Check your connection, then try again.");
  });

  // A button that was disabled while its request ran has lost the focus; give it back.
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => queueMicrotask(() => {
    const button = ctx.request?.submitter;
    if (button?.isConnected && document.activeElement === document.body) button.focus();
  }));

  openDialogs();
  showTab();
})();
