"use strict";
(function () {
  const chooser = document.getElementById("kernel");
  const parts = Array.from(document.querySelectorAll("[data-v]"));
  const options = Array.from(chooser.options);
  document.getElementById("tools").hidden = false;

  function holds(ranges, at) {
    return ranges.split(",").some(function (range) {
      const ends = range.split("-").map(Number);
      return ends[0] <= at && at <= ends[1];
    });
  }

  function show() {
    const at = chooser.value === "all" ? null : Number(chooser.value);
    parts.forEach((part) => { part.hidden = at !== null && !holds(part.dataset.v, at); });
    document.querySelectorAll("[data-group]").forEach((group) => {
      group.hidden = !group.querySelector("[data-row]:not([hidden])");
    });
    const rows = Array.from(document.querySelectorAll("[data-row]"));
    const shown = rows.filter((row) => !row.hidden).length;
    document.getElementById("shown").textContent = shown + " of " + rows.length + " rows";
    document.querySelectorAll("header nav a").forEach((link) => {
      link.hash = at === null ? "all" : "v" + chooser.selectedOptions[0].text;
    });
  }

  // an address may name a version, as links between the pages do, or a row, which then opens
  function follow() {
    const name = decodeURIComponent(location.hash.slice(1));
    const option = options.find((one) => "v" + one.text === name);
    if (option || name === "all") chooser.value = option ? option.value : name;
    const row = document.getElementById(name);
    if (row && row.tagName === "DETAILS") {
      if (row.hidden) chooser.value = "all";
      row.open = true;
    }
    show();
    if (row) row.scrollIntoView();
  }

  chooser.addEventListener("change", show);
  addEventListener("hashchange", follow);
  follow();

  let opened = [];
  addEventListener("beforeprint", function () {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    opened.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", function () { opened.forEach((one) => { one.open = false; }); });
})();
