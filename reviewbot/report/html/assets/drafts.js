"use strict";
(function () {
  const CAREFUL = 400; // milliseconds: a key that was meant for the draft before decides nothing here
  const shown = performance.now();
  const by = (id) => document.getElementById(id);
  const keys = by("keys"), drop = by("drop"), edit = by("edit"), text = by("text"), said = by("said");
  const remarks = Array.from(document.querySelectorAll(".remark"));
  const written = text ? text.value : "";
  let sent = false;
  by("hint").hidden = false;
  document.documentElement.classList.add("scripted");

  // a line that is there when a page opens is not read out: it has to come afterwards
  const line = Array.from(said.childNodes);
  if (line.length) {
    said.replaceChildren();
    setTimeout(() => said.replaceChildren(...line), 50);
    history.replaceState(null, "", location.pathname); // a reload does not say it again
  }

  // the list begins where the draft stands in it
  const current = document.querySelector(".queue [aria-current]");
  if (current) {
    const list = by("queue");
    const row = current.getBoundingClientRect(), box = list.getBoundingClientRect();
    if (row.bottom > box.bottom || row.top < box.top) list.scrollTop += row.top - box.top - box.height / 3;
  }

  function remark(step) {
    const active = document.activeElement && document.activeElement.closest(".remark");
    const at = Math.max(0, Math.min(remarks.indexOf(active) + step, remarks.length - 1));
    if (!remarks.length) return;
    remarks[at].focus({ preventScroll: true });
    remarks[at].scrollIntoView({ block: "center" });
  }

  function press(id) {
    const found = by(id);
    if (found) found.click();
  }

  function decide(id) {
    if (performance.now() - shown > CAREFUL) press(id);
  }

  function openDrop() {
    if (!drop || performance.now() - shown <= CAREFUL) return;
    drop.open = true;
    drop.querySelector("button").focus();
  }

  function closeDrop() {
    drop.open = false;
    drop.querySelector("summary").focus();
  }

  function openEdit() {
    if (!edit) return;
    if (text) {
      edit.open = true;
      edit.scrollIntoView({ block: "nearest" });
      text.focus();
    } else {
      edit.focus();
    }
  }

  function inText(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      text.form.requestSubmit(text.form.querySelector("button"));
    } else if (event.key === "Escape" && text.value === written && !edit.classList.contains("typed")) {
      edit.open = false;
      by("to-edit").focus();
    } else if (event.key === "Escape") {
      by("leave").focus(); // what was written is not thrown away by one key
    }
  }

  const plain = {
    j: () => press("next"), k: () => press("prev"), a: () => decide("approve"), h: () => decide("hold"),
    u: () => decide("restore"), d: openDrop, e: openEdit, n: () => remark(1), p: () => remark(-1), "?": () => keys.showModal(),
  };

  document.addEventListener("keydown", function (event) {
    if (keys.open || event.repeat || sent) return;
    if (event.target === text) { inText(event); return; }
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (drop && drop.open) {
      const button = drop.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (button) button.click();
      else if (event.key === "Escape") closeDrop();
    } else if (Object.hasOwn(plain, event.key)) {
      event.preventDefault();
      plain[event.key]();
    }
  });
  document.addEventListener("click", function (event) {
    if (drop && drop.open && !drop.contains(event.target)) drop.open = false;
    if (event.target.closest("#to-edit")) { event.preventDefault(); openEdit(); }
    if (event.target.closest("#leave") && text) text.value = written;
  });
  // one press, one decision
  document.addEventListener("submit", function (event) {
    if (event.target.method === "dialog") return;
    if (sent) event.preventDefault();
    sent = true;
  });
  addEventListener("pageshow", function () { sent = false; });
  addEventListener("beforeunload", function (event) {
    if (!sent && text && text.value !== written) event.preventDefault();
  });
})();
