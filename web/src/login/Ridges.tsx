/** Five ridges, the far ones paler: the page's only ornament. */
export function Ridges() {
  return (
    <svg class="ridges" viewBox="0 0 1440 900" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
      <path
        class="ridge-1"
        d="M0 520 120 470 210 500 330 410 420 455 540 370 640 430 760 350 860 420 980 360 1090 430 1200 380 1310 450 1440 400V900H0z"
      />
      <path
        class="ridge-2"
        d="M0 590 90 560 200 600 320 510 450 580 560 500 690 570 800 480 930 560 1060 500 1180 570 1290 520 1440 580V900H0z"
      />
      <path
        class="ridge-3"
        d="M0 640 150 690 280 610 400 670 520 600 660 680 780 590 900 660 1040 600 1160 680 1300 620 1440 690V900H0z"
      />
      <path
        class="ridge-4"
        d="M0 760 130 700 260 760 390 690 540 770 680 700 820 770 960 690 1100 760 1240 700 1440 780V900H0z"
      />
      <path
        class="ridge-5"
        d="M0 830 180 780 340 830 500 770 700 840 880 780 1060 840 1260 780 1440 830V900H0z"
      />
    </svg>
  );
}
