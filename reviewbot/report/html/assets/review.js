"use strict";
(function () {
  const remarks = Array.from(document.querySelectorAll(".remark"));
  const keys = document.getElementById("keys");
  document.getElementById("hint").hidden = false;

  // the remark that has the focus, or the one whose address the page was opened with; -1 for none
  function current() {
    const at = remarks.indexOf(document.activeElement && document.activeElement.closest(".remark"));
    return at >= 0 ? at : remarks.findIndex((one) => "#" + one.id === location.hash);
  }

  function show(at) {
    const remark = remarks[Math.max(0, Math.min(at, remarks.length - 1))];
    remark.focus({ preventScroll: true });
    remark.scrollIntoView({ block: "center" });
  }

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey || keys.open) return;
    if (event.key === "j") show(current() + 1);
    else if (event.key === "k") show(current() - 1);
    else if (event.key === "?") keys.showModal();
  });
  let opened = [];
  addEventListener("beforeprint", function () {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    opened.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", function () { opened.forEach((one) => { one.open = false; }); });
})();
